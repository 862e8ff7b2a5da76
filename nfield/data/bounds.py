"""Scene bounds found from cameras and image content, in place of a hand-tuned scale.

Images with a transparent background bound the scene: matter lies in the visual hull, the cells
that no view sees as transparent. Photographs without one are unbounded: the inner cube holds the
cameras and what they look at, and the space outside it is contracted.
"""

from __future__ import annotations

import numpy as np

from nfield.data.scene import Views
from nfield.data.silhouette import Silhouettes, field_radii, read_silhouettes
from nfield.render.bounds import Bounds
from nfield.render.cameras import Cameras
from nfield.render.focus import find_focus

HULL_CELLS = 64
_MARGIN = 1.03
# The object is what a good part of the photos show; the rest is not worth a larger cube.
_SEEN_SHARE = 0.25
# Each round of tightening sees the object with finer cells; after three, one cell is 6 % of the
# half size.
_ROUNDS, _ROUND_CELLS = 3, 32


def find_bounds(views: Views) -> Bounds:
    """The bounds of a scene from its training views.

    Units: the world's; moving or scaling the world does the same to its bounds.
    """
    focus = find_focus(views.cameras)
    silhouettes = read_silhouettes(views) if views.channels == 4 and focus is not None else None
    if focus is None or silhouettes is None:
        return _unbounded(views.cameras, focus)
    return _bounded(views.cameras, focus, silhouettes)


def box_bounds(low: np.ndarray, high: np.ndarray) -> Bounds:
    """The bounds of a scene that a dataset says to lie in a box.

    Shape: corners ``(3,)``.
    """
    center, half = (low + high) / 2, (high - low) / 2
    half_size = float(half.max())
    line = ((np.arange(HULL_CELLS) + 0.5) / HULL_CELLS * 2 - 1) * half_size
    x, y, z = (np.abs(line) <= side + half_size / HULL_CELLS for side in half)
    hull = z[:, None, None] & y[:, None] & x
    return _bounds(center, half_size, unbounded=False, hull=hull)


def _unbounded(cameras: Cameras, focus: np.ndarray | None) -> Bounds:
    """Around the focus where there is one, else around the cameras; the cube holds every camera."""
    origin = cameras.camera_to_world[:, :, 3].double().numpy()
    center = (origin.min(0) + origin.max(0)) / 2 if focus is None else focus
    half_size = float(np.abs(origin - center).max()) * _MARGIN
    # Photos from one place only: nothing tells the scale, and one unit is as good as any.
    return _bounds(center, half_size or 1.0, unbounded=True, hull=None)


def _bounded(cameras: Cameras, focus: np.ndarray, silhouettes: Silhouettes) -> Bounds:
    """Start from the cube that holds all that any camera sees around the focus; carve, tighten."""
    origin = cameras.camera_to_world[:, :, 3].double().numpy()
    distance = np.linalg.norm(origin - focus, axis=1)
    start = float((distance * np.sin(field_radii(cameras))).max())
    center, half_size = focus, start
    for _ in range(_ROUNDS):
        hull = silhouettes.carve(center, half_size, _ROUND_CELLS, seen_share=_SEEN_SHARE)
        filled = np.argwhere(hull)[:, ::-1]
        if len(filled) == 0:
            return _bounds(focus, start, unbounded=False, hull=None)
        low, high = filled.min(0), filled.max(0) + 1
        center = center + ((low + high) / _ROUND_CELLS - 1) * half_size
        half_size *= float((high - low).max()) / _ROUND_CELLS * _MARGIN
    hull = silhouettes.carve(center, half_size, HULL_CELLS)
    return _bounds(center, half_size, unbounded=False, hull=hull if hull.any() else None)


def _bounds(
    center: np.ndarray, half_size: float, *, unbounded: bool, hull: np.ndarray | None
) -> Bounds:
    x, y, z = center.tolist()
    return Bounds((x, y, z), half_size, unbounded, hull)
