"""The surface at which a field of space has a value, as triangles, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nfield.errors import InputError
from nfield.extras import require

RESOLUTION = 256
BLOCK = 4  # cells a side of what is asked, or passed by, as a whole
# A field may be wrong by this factor before a block that the surface crosses is passed by.
_SLACK = 2.0
_CORNERS = 1 << 22  # of one slab
_POINTS = 1 << 18  # asked at once
# Values are cut to these sizes: at the least, every vertex has a place of its own on its edge, so
# that neighbouring slabs agree on which it is.
_LEAST, MOST = 1e-3, 4.0

Value = Callable[[Tensor], Tensor]
Triangles = tuple[NDArray[np.float32], NDArray[np.int32]]


@dataclass(frozen=True)
class Grid:
    """Cubic cells: their lowest corner, side, and number along x, y, z, multiples of 4."""

    low: tuple[float, float, float]
    cell: float
    cells: tuple[int, int, int]

    def at(self, index: Tensor) -> Tensor:
        """Points ``(N, 3)`` float32 at indices ``(N, 3)`` of corners, or between them."""
        low = torch.tensor(self.low, dtype=torch.float64)
        return (low + self.cell * index.double()).float()


def isosurface(
    distance: Value, *, resolution: int = RESOLUTION, level: float = 0.0
) -> Triangles | None:
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
        InputError: the extra `mesh` is not installed, or a value is not finite.
    """

    def value(x: Tensor) -> Tensor:
        return (distance(x) - level) * resolution

    grid = Grid((0.0, 0.0, 0.0), 1 / resolution, (resolution, resolution, resolution))
    return extract(value, passing(value, 1.0), grid)


def passing(value: Value, cell: float) -> Value:
    """The values of a distance field at middles of blocks, NaN where its zero may cross them.

    Args:
        cell: Side of a cell in the units of `value`.
    """
    reach = _SLACK * 3**0.5 / 2 * BLOCK * cell

    def rough(middles: Tensor) -> Tensor:
        found = value(middles)
        return found.where(found.abs() > reach, torch.nan)

    return rough


def extract(
    value: Value, rough: Value, grid: Grid, *, closed: bool = False, corners: int = _CORNERS
) -> Triangles | None:
    r"""Triangles where `value` is zero, by marching cubes slab by slab; None where it never is.

    The result is that of the whole grid at once, whatever the thickness of the slabs: neighbours
    share the values of the plane between them, and the vertices on it.

    Formula
        values are cut to $10^{-3} \le |v| \le 4$: a cell's change should be of order one
    Shape
        -> vertices ``(V, 3)``, faces ``(F, 3)``, normals towards larger values
    Source
        Lewiner et al. 2003, Efficient Implementation of Marching Cubes' Cases, in scikit-image

    Args:
        value: Points ``(N, 3)`` -> values ``(N,)``, negative inside.
        rough: Middles of blocks of 4^3 cells -> a value for all of each block, or NaN where
            `value` must be asked.
        closed: Whether all beyond the outermost cells is outside.
        corners: Of cells, held at once; a slab is at least one block thick.

    Raises:
        InputError: the extra `mesh` is not installed, or a value is not finite.
    """
    measure = require("skimage.measure", "mesh", "finding a surface")
    parts = _Parts()
    for start, slab in _slabs(value, rough, grid, closed, corners):
        inside = slab < 0
        window = tuple(_around(np.asarray(inside.any(axis))) for axis in ((0, 2), (0, 1)))
        cropped = slab[:, window[0], window[1]]
        if inside.any() and not (cropped < 0).all():
            vertices, faces, _, _ = measure.marching_cubes(
                cropped, 0.0, gradient_direction="descent"
            )
            parts.add(vertices, faces, (start, window[0].start, window[1].start), len(slab) - 1)
    return parts.joined(grid)


def slab_corners(grid: Grid) -> int:
    """How many corners of cells `extract` holds at once."""
    plane = (grid.cells[1] + 1) * (grid.cells[2] + 1)
    return plane * (_thickness(grid, _CORNERS) * BLOCK + 1)


def _thickness(grid: Grid, corners: int) -> int:
    """Of slabs, in blocks."""
    return max(1, corners // ((grid.cells[1] + 1) * (grid.cells[2] + 1)) // BLOCK)


def _slabs(
    value: Value, rough: Value, grid: Grid, closed: bool, corners: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Values at corners, some planes of x after the others: their first plane, and the values."""
    blocks, thick = grid.cells[0] // BLOCK, _thickness(grid, corners)
    border: Tensor | None = None
    for start in range(0, blocks, thick):
        stop = min(start + thick, blocks)
        slab = _rough_corners(rough, grid, start, stop)
        if border is not None:
            slab[0] = border
        _ask(value, grid, slab, start * BLOCK)
        if not bool(slab.isfinite().all()):
            raise InputError(
                "surface: values of the field must be finite, got one that is not; it has "
                "diverged, fit again with a smaller train.learning_rate"
            )
        slab = slab.clamp(-MOST, MOST)
        slab = torch.where(slab < 0, slab.clamp(max=-_LEAST), slab.clamp(min=_LEAST))
        if closed:
            slab[:, [0, -1]] = slab[:, :, [0, -1]] = MOST
            slab[[*[0] * (start == 0), *[-1] * (stop == blocks)]] = MOST
        border = slab[-1].clone()
        yield start * BLOCK, slab.numpy()


def _rough_corners(rough: Value, grid: Grid, start: int, stop: int) -> Tensor:
    """Rough values at the corners of blocks `start` to `stop` of x, NaN where to be asked.

    The largest counts where blocks meet, those behind the last plane included.
    """
    last = min(stop + 1, grid.cells[0] // BLOCK)
    layers = torch.arange(start, last)
    across = (torch.arange(grid.cells[axis] // BLOCK) for axis in (1, 2))
    index = torch.stack(torch.meshgrid(layers, *across, indexing="ij"), -1)
    middles = grid.at((index.view(-1, 3) + 0.5) * BLOCK)
    fine = torch.cat([rough(part) for part in middles.split(_POINTS)]).view(index.shape[:3])
    for axis in range(3):
        fine = fine.repeat_interleave(BLOCK, axis)
        first, end = fine.narrow(axis, 0, 1), fine.narrow(axis, -1, 1)
        fine = torch.maximum(torch.cat([first, fine], axis), torch.cat([fine, end], axis))
    return fine[: (stop - start) * BLOCK + 1].clone()


def _ask(value: Value, grid: Grid, slab: Tensor, start: int) -> None:
    """Fill what is NaN."""
    flat = slab.view(-1)
    rows, columns = slab.shape[1:]
    for which in flat.isnan().nonzero().squeeze(1).split(_POINTS):
        plane = torch.div(which, rows * columns, rounding_mode="floor")
        rest = which - plane * (rows * columns)
        row = torch.div(rest, columns, rounding_mode="floor")
        index = torch.stack([plane + start, row, rest - row * columns], 1)
        flat[which] = value(grid.at(index))


def _around(inside: NDArray[np.bool_]) -> slice:
    """The range with anything inside and one more corner on either side; empty where nothing is."""
    found = inside.nonzero()[0]
    if not len(found):
        return slice(0, 0)
    return slice(max(int(found[0]) - 1, 0), int(found[-1]) + 2)


class _Parts:
    """Meshes of slabs, joined at the planes between them."""

    def __init__(self) -> None:
        self.vertices: list[NDArray[np.float64]] = []
        self.faces: list[NDArray[np.int32]] = []
        self.count = 0
        # Of the last plane: its index, the edges of the grid with a vertex, sorted, and which.
        self.border = (-1, np.empty(0, np.int64), np.empty(0, np.int64))

    def add(
        self,
        vertices: NDArray[np.float32],
        faces: NDArray[np.int32],
        offset: tuple[int, int, int],
        planes: int,
    ) -> None:
        """Add a slab's mesh, in cells from the corner `offset`, that ends at plane `planes`."""
        place = vertices.astype(np.float64) + offset
        number = np.full(len(place), -1, np.int64)
        if self.border[0] == offset[0]:
            on = (vertices[:, 0] == 0).nonzero()[0]
            number[on] = self.border[2][np.searchsorted(self.border[1], _edges(place[on]))]
        new = number < 0
        number[new] = self.count + np.arange(np.count_nonzero(new))
        on = (vertices[:, 0] == planes).nonzero()[0]
        edges = _edges(place[on])
        order = np.argsort(edges)
        self.border = (offset[0] + planes, edges[order], number[on][order])
        self.vertices.append(place[new])
        self.faces.append(number[faces].astype(np.int32))
        self.count += int(np.count_nonzero(new))

    def joined(self, grid: Grid) -> Triangles | None:
        """Vertices in the units of the grid, and faces."""
        if not self.count:
            return None
        place = np.concatenate(self.vertices)
        placed = np.array(grid.low) + grid.cell * place
        return placed.astype(np.float32), np.concatenate(self.faces)


def _edges(place: NDArray[np.float64]) -> NDArray[np.int64]:
    """A number for the edge in a plane of x on which each vertex lies."""
    low = np.floor(place[:, 1:]).astype(np.int64)
    along = place[:, 1] != low[:, 0]
    return ((low[:, 0] << 32) + low[:, 1]) * 2 + along
