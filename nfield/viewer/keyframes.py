"""A camera path by keyframes: a smooth way through a visitor's views."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from nfield.render.cameras import Cameras
from nfield.viewer.view import View, rotation_of

MOST_KEYS = 200
MOST_STEPS = 600  # frames from one keyframe to the next


def between(keys: Sequence[View], steps: int, *, closed: bool = False) -> list[View]:
    r"""Views along a smooth path, `steps` from each keyframe to the next, the last included.

    Formula
        Catmull-Rom splines of position, quaternion (then of unit length) and tan(fov / 2):
        $p(u) = \frac12 (2 p_1 + (p_2 - p_0) u + (2 p_0 - 5 p_1 + 4 p_2 - p_3) u^2 +
        (3 p_1 - p_0 - 3 p_2 + p_3) u^3)$; an end is its own neighbour
    Source
        Catmull, Rom 1974, "A class of local interpolating splines"

    Args:
        closed: Go on from the last keyframe to the first, which is not repeated.
    """
    if len(keys) < 2:
        return list(keys)
    ahead = [*keys, *keys[:2]] if closed else [*keys, keys[-1]]
    values = _aligned([_numbers(key) for key in [keys[-1 if closed else 0], *ahead]])
    found = [
        _spline(values[i : i + 4], step / steps)
        for i in range(len(values) - 3)
        for step in range(steps)
    ]
    if not closed:
        found.append(values[-2])
    return [_view(value, keys[0].aspect) for value in found]


def path_cameras(views: Sequence[View], width: int, height: int) -> Cameras:
    """The cameras of views, of width x height square pixels each."""
    single = [View(view.pose, view.fov, width / height).cameras(width, height) for view in views]
    names = ("camera_to_world", "intrinsics", "distortion", "lens", "size")
    return Cameras(*(torch.cat([getattr(camera, name) for camera in single]) for name in names))


def _numbers(view: View) -> NDArray[np.float64]:
    return np.array([*view.position, *view.wxyz, math.tan(view.fov / 2)])


def _aligned(values: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """A quaternion and its negative are one rotation: take the one that is nearer the last."""
    aligned = np.stack(values)
    for i in range(1, len(aligned)):
        if aligned[i, 3:7] @ aligned[i - 1, 3:7] < 0:
            aligned[i, 3:7] *= -1
    return aligned


def _spline(points: NDArray[np.float64], u: float) -> NDArray[np.float64]:
    a, b, c, d = points
    curve: NDArray[np.float64] = 0.5 * (
        2 * b + (c - a) * u + (2 * a - 5 * b + 4 * c - d) * u**2 + (3 * b - a - 3 * c + d) * u**3
    )
    return curve


def _view(value: NDArray[np.float64], aspect: float) -> View:
    pose = np.column_stack([rotation_of(value[3:7]), value[:3]])
    return View(pose, 2 * math.atan(max(float(value[7]), 1e-3)), aspect)
