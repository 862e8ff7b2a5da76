"""Voxel grids of fitted fields, as NumPy archives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nfield.errors import InputError
from nfield.export.mesh import Box, box_of, grid_over, require_memory
from nfield.export.solid import DistanceSolid, RadianceSolid
from nfield.files import replacing, require_suffix
from nfield.render.isosurface import Grid

RESOLUTION = 128
# Light loses less than this on its way through a voxel: no colour is kept there.
_CLEAR = 1e-4
_POINTS = 1 << 18


def radiance_voxels(
    solid: RadianceSolid, resolution: int, *, box: Box | None = None
) -> dict[str, NDArray[Any]]:
    """Density and colour at the middles of voxels.

    Shape
        density ``(X, Y, Z)`` float32 per unit of length, color ``(X, Y, Z, 3)`` uint8 sRGB, the
        mean over views along the axes; low ``(3,)`` the lowest corner, voxel its side: voxel
        (i, j, k) has its middle at low + (i + 1/2, j + 1/2, k + 1/2) voxel, in the input's frame
    Raises
        InputError: a resolution below 4, an empty box, or it does not fit into memory.
    """
    grid = _grid(solid, resolution, box, 7)
    density = torch.zeros(_count(grid))
    color = torch.zeros(_count(grid), 3, dtype=torch.uint8)
    for begin in range(0, len(density), _POINTS):
        x = _middles(grid, begin)
        found = solid.density(x)
        density[begin : begin + len(x)] = found
        seen = (found * grid.cell > _CLEAR).nonzero().squeeze(1)
        colors = (solid.mean_color(x[seen]) * 255 + 0.5).to(torch.uint8)
        color[begin + seen] = colors
    shape = grid.cells
    return {
        "density": density.numpy().reshape(shape),
        "color": color.numpy().reshape(*shape, 3),
        **_frame(grid),
    }


def distance_voxels(
    solid: DistanceSolid, resolution: int, *, box: Box | None = None
) -> dict[str, NDArray[Any]]:
    """Distance ``(X, Y, Z)`` float32 at the middles of voxels, in the input's units; the rest as
    `radiance_voxels`.
    """
    grid = _grid(solid, resolution, box, 4)
    parts = [solid.distance(_middles(grid, b)) for b in range(0, _count(grid), _POINTS)]
    return {"distance": torch.cat(parts).numpy().reshape(grid.cells), **_frame(grid)}


def require_format(path: Path) -> None:
    """Refuse names of other formats. Raises InputError."""
    if path.suffix.lower() == ".vdb":
        raise InputError(
            f"{path}: OpenVDB's library cannot be installed by pip, so that voxels are written as "
            ".npz alone; convert that where the library is"
        )
    require_suffix(path, "voxels", ".npz")


def write_voxels(path: Path, voxels: Mapping[str, Any]) -> None:
    """Write arrays as a compressed .npz, whole or not at all.

    Raises:
        InputError: another suffix, or a place that cannot be written to.
    """
    require_format(path)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **voxels)


def _grid(
    solid: RadianceSolid | DistanceSolid, resolution: int, box: Box | None, size: int
) -> Grid:
    if resolution < 4:
        raise InputError(f"--resolution: must be at least 4, got {resolution}; correct it")
    grid = grid_over(*box_of(solid, box), resolution)
    # Once as it is found, once as it is compressed.
    require_memory(2 * size * _count(grid), f"--resolution: {resolution} voxels a side")
    return grid


def _count(grid: Grid) -> int:
    x, y, z = grid.cells
    return x * y * z


def _middles(grid: Grid, begin: int) -> Tensor:
    """Middles of voxels from number `begin` on, z fastest."""
    number = torch.arange(begin, min(begin + _POINTS, _count(grid)))
    _, rows, columns = grid.cells
    plane = torch.div(number, rows * columns, rounding_mode="floor")
    rest = number - plane * (rows * columns)
    row = torch.div(rest, columns, rounding_mode="floor")
    return grid.at(torch.stack([plane, row, rest - row * columns], 1) + 0.5)


def _frame(grid: Grid) -> dict[str, NDArray[Any]]:
    return {"low": np.array(grid.low), "voxel": np.array(grid.cell)}
