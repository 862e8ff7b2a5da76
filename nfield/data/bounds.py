"""Scene bounds found from cameras and image content, in place of a hand-tuned scale.

Images with a transparent background bound the scene: matter lies in the visual hull, the cells that no view sees as
transparent. Photographs without one are unbounded: the inner cube holds the cameras and what they look at, and the
space outside it is contracted.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nfield.data.scene import Bounds, Views
from nfield.data.silhouette import CELLS, Silhouettes, field_radius, read_silhouettes
from nfield.render.cameras import Cameras

MARGIN = 1.03
# Below this angle between the optical axes and their mean direction (root mean square), their crossing is noise.
_PARALLEL = np.deg2rad(3.0)
# The object is what a good part of the photos show; the rest of what they have in view is not worth a larger cube.
_SEEN_SHARE = 0.25


def find_bounds(views: Views) -> Bounds:
    """The bounds of a scene from its training views.

    Units: the world's. Translating, scaling or rotating the world moves the centre with it.
    """
    focus = find_focus(views.cameras)
    silhouettes = read_silhouettes(views) if views.channels == 4 and focus is not None else None
    if focus is None or silhouettes is None:
        return _unbounded(views.cameras, focus)
    return _bounded(views.cameras, focus, silhouettes)


def find_focus(cameras: Cameras) -> Tensor | None:
    """The point nearest to all optical axes, (3,) float64.

    None when the cameras share no focus: axes nearly parallel, or the point behind most of the cameras.

    Formula: argmin_p sum_i |(I - d_i d_i^T)(p - o_i)|^2, o_i the positions and d_i the optical axes.
    """
    pose = cameras.camera_to_world.double()
    origin, axis = pose[:, :, 3], pose[:, :, 2]
    across = torch.eye(3, dtype=torch.float64) - axis[:, :, None] * axis[:, None, :]
    system = across.mean(0)
    # The smallest eigenvalue is the mean squared sine of the angles to the axes' common direction.
    if float(torch.linalg.eigvalsh(system)[0]) < np.sin(_PARALLEL) ** 2:
        return None
    focus = torch.linalg.solve(system, (across @ origin[:, :, None]).mean(0)).squeeze(1)
    in_front = ((focus - origin) * axis).sum(1) > 0
    return focus if float(in_front.double().mean()) > 0.5 else None


def _unbounded(cameras: Cameras, focus: Tensor | None) -> Bounds:
    """Around the focus where there is one, else around the cameras; the cube holds every camera."""
    origin = cameras.camera_to_world[:, :, 3].double()
    center = (origin.amin(0) + origin.amax(0)) / 2 if focus is None else focus
    half = float((origin - center).abs().max()) * MARGIN
    # Photos from one place only: nothing tells the scale, so one unit is as good as any.
    return _bounds(center, half if half > 0 else 1.0, unbounded=True, hull=None)


def _bounded(cameras: Cameras, focus: Tensor, silhouettes: Silhouettes) -> Bounds:
    """Start from the cube that holds all that any camera sees around the focus; carve and tighten."""
    distance = (cameras.camera_to_world[:, :, 3].double() - focus).norm(dim=1)
    start = float((distance * torch.sin(field_radius(cameras))).max())
    center, half = focus, start
    for cells in (CELLS // 2, CELLS // 2, CELLS):
        occupied = silhouettes.carve(center, half, cells, seen_share=_SEEN_SHARE)
        filled = occupied.nonzero().flip(1).double()
        if len(filled) == 0:
            return _bounds(focus, start, unbounded=False, hull=None)
        low, high = filled.amin(0), filled.amax(0) + 1
        center = center + ((low + high) / cells - 1) * half
        half = float((high - low).max()) / cells * half * MARGIN
    hull = silhouettes.carve(center, half, CELLS)
    return _bounds(center, half, unbounded=False, hull=hull.numpy() if bool(hull.any()) else None)


def _bounds(
    center: Tensor, half_size: float, *, unbounded: bool, hull: np.ndarray | None
) -> Bounds:
    x, y, z = center.tolist()
    return Bounds((x, y, z), half_size, unbounded, hull)
