"""What a set of cameras looks at."""

from __future__ import annotations

import math

import numpy as np

from nfield.render.cameras import Cameras

# Below this angle of the optical axes to their mean direction, their crossing is noise.
_PARALLEL = math.radians(3.0)


def find_focus(cameras: Cameras) -> np.ndarray | None:
    r"""The point nearest, in least squares, to all optical axes.

    None when there is no such place: axes nearly parallel, or the point behind most of the cameras.

    Formula
        $\arg\min_p \sum_i |(I - d_i d_i^T)(p - o_i)|^2$, $o_i$ positions and $d_i$ optical axes
    Shape
        C cameras -> ``(3,)`` float64, world
    """
    pose = cameras.camera_to_world.double().cpu().numpy()
    origin, axis = pose[:, :, 3], pose[:, :, 2]
    across = np.eye(3) - axis[:, :, None] * axis[:, None, :]
    system = across.mean(0)
    # The smallest eigenvalue is the mean squared sine of the angles to the common direction.
    if np.linalg.eigvalsh(system)[0] < math.sin(_PARALLEL) ** 2:
        return None
    focus: np.ndarray = np.linalg.solve(system, (across @ origin[:, :, None]).mean(0))[:, 0]
    in_front = ((focus - origin) * axis).sum(1) > 0
    return focus if in_front.mean() > 0.5 else None
