"""The surface at which a distance field has a value, as triangles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nfield.extras import require

RESOLUTION = 256
_BLOCK = 4  # cells a side of what is asked, or passed by, as a whole
# A field may be wrong by this factor before a block that the surface crosses is passed by.
_SLACK = 2.0


def isosurface(
    distance: Callable[[Tensor], Tensor], *, resolution: int = RESOLUTION, level: float = 0.0
) -> tuple[NDArray[np.float32], NDArray[Any]] | None:
    """Triangles where a distance field of the unit cube equals `level`; None where it never does.

    The field is asked at the middles of blocks of 4^3 cells, and then at the corners of all cells
    in blocks that the surface may cross: within twice the distance from middle to corner.

    Shape
        -> vertices ``(V, 3)`` in the unit cube, faces ``(F, 3)``, normals towards larger values

    Args:
        distance: Points ``(N, 3)`` -> values ``(N,)``.
        resolution: Cells a side, a multiple of 4.
        level: Value of the surface.

    Raises:
        InputError: the extra `mesh` is not installed.
    """
    measure = require("skimage.measure", "mesh", "finding a surface")
    volume = _sampled(distance, resolution, level)
    if not volume.min() < level < volume.max():
        return None
    vertices, faces, _, _ = measure.marching_cubes(
        volume,
        level,
        spacing=(1 / resolution,) * 3,
        gradient_direction="descent",
        allow_degenerate=False,
    )
    return vertices.astype(np.float32), faces


def _sampled(
    distance: Callable[[Tensor], Tensor], resolution: int, level: float
) -> NDArray[np.float32]:
    """Values at the corners of all cells, ``(resolution + 1,) * 3``; rough far from the surface."""
    blocks = resolution // _BLOCK
    middle = (torch.arange(blocks) + 0.5) / blocks
    rough = distance(_grid(middle)).view(blocks, blocks, blocks)
    reach = _SLACK * 3**0.5 / 2 / blocks
    near = _corners((rough - level).abs() <= reach)
    volume = _corners(rough)
    corner = torch.arange(resolution + 1) / resolution
    index = near.nonzero()
    volume[near] = distance(corner[index])
    return volume.numpy()


def _grid(axis: Tensor) -> Tensor:
    """All points ``(n^3, 3)`` with coordinates from `axis`, the last fastest."""
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).view(-1, 3)


def _corners(blocks: Tensor) -> Tensor:
    """Values of blocks at the corners of their cells; the largest where blocks meet."""
    fine = blocks
    for axis in range(3):
        fine = fine.repeat_interleave(_BLOCK, axis)
        first, last = fine.narrow(axis, 0, 1), fine.narrow(axis, -1, 1)
        fine = torch.maximum(torch.cat([first, fine], axis), torch.cat([fine, last], axis))
    return fine
