"""Judging a distance field by the mesh that it was fitted to.

Protocol "nfield-shape-1", all random points with seed 0:

iou
    2^20 points spread evenly over the unit cube: those inside both, over those inside
    either; inside is where the field is negative, and where most of three rays leave the mesh
    through an odd number of triangles. None for unsigned distances.
chamfer
    The field's surface is extracted by marching cubes on 256^3 cells of the unit cube. 2^17 points
    are spread evenly over each surface; the mean distance from the points of one to the other
    surface, averaged over both directions, in longest sides of the mesh.
normal_error
    At the same points, the mean angle to the normal of the other surface's nearest triangle,
    in degrees from 0 to 90: the sense of normals does not count.

Unsigned distances have no zero crossing: their surface is taken where they are one cell, so that
it is a thin shell, and the Chamfer distance cannot fall much below one cell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nfield.data.mesh import MARGIN, Mesh
from nfield.data.surface import Surface
from nfield.render.isosurface import RESOLUTION

PROTOCOL = "nfield-shape-1"
IOU_POINTS, SURFACE_POINTS = 1 << 20, 1 << 17
SEED = 0


def evaluate_shape(
    mesh: Mesh, distance: Callable[[Tensor], Tensor], surface: Surface | None
) -> dict[str, Any]:
    """Judge a distance field.

    Args:
        distance: Points of the unit cube ``(N, 3)`` -> distances ``(N,)``.
        surface: The field's, extracted as the protocol says; None where it has none.

    Returns:
        ``protocol, seed, iou_points, surface_points, resolution, distance, mean``; in ``mean`` are
        ``iou, chamfer, normal_error``, None where there is no surface.
    """
    mean: dict[str, float | None] = {"iou": None, "chamfer": None, "normal_error": None}
    if mesh.signed:
        mean["iou"] = _iou(mesh, distance)
    if surface is not None:
        mean |= _compare(mesh.surface, surface)
    return {
        "protocol": PROTOCOL,
        "seed": SEED,
        "iou_points": IOU_POINTS,
        "surface_points": SURFACE_POINTS,
        "resolution": RESOLUTION,
        "distance": "signed" if mesh.signed else "unsigned",
        "mean": mean,
    }


def _iou(mesh: Mesh, distance: Callable[[Tensor], Tensor]) -> float:
    x = np.random.default_rng(SEED).random((IOU_POINTS, 3), dtype=np.float32)
    truth = mesh.surface.inside(x)
    found: NDArray[np.bool_] = (distance(torch.from_numpy(x)) < 0).numpy()
    return float((truth & found).sum() / max((truth | found).sum(), 1))


def _compare(a: Surface, b: Surface) -> dict[str, float]:
    there, back = _one_way(a, b), _one_way(b, a)
    chamfer, angle = np.mean([there, back], axis=0).tolist()
    return {"chamfer": chamfer / (1 - 2 * MARGIN), "normal_error": angle}


def _one_way(of: Surface, to: Surface) -> tuple[float, float]:
    """Mean distance, and mean angle in degrees, of points on one surface to the other."""
    points, normals = of.sample(SURFACE_POINTS, SEED)
    distance, nearest = to.nearest(points)
    cosine = np.abs((normals * nearest).sum(1, dtype=np.float64))
    angle = np.degrees(np.arccos(np.minimum(cosine, 1)))
    return float(distance.mean(dtype=np.float64)), float(angle.mean())
