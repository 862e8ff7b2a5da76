"""A cubic lattice in blocks of 8^3 points, between which values are linear."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 8  # points along a block's side
_CORNERS = tuple(itertools.product((0, 1), repeat=3))  # z y x


@dataclass(frozen=True)
class Lattice:
    """Points low + voxel (i, j, k), in half sizes from the middle of a scene's inner cube.

    Args:
        low: The first point.
        voxel: Between points.
        blocks: Along each axis.
    """

    low: tuple[float, float, float]
    voxel: float
    blocks: tuple[int, int, int]

    @classmethod
    def around(cls, cells: Tensor, resolution: int) -> Lattice:
        """Over the box of the cells ``[z][y][x]`` of the cube that are True, `resolution` voxels
        along its longest side.
        """
        places = cells.nonzero().flip(1)
        side = 2 / cells.shape[0]
        low = places.amin(0) * side - 1
        size = (places.amax(0) + 1) * side - 1 - low
        voxel = float(size.max()) / resolution
        x, y, z = ((size / voxel).ceil().int() + 3).tolist()
        a, b, c = (low - voxel / 2).tolist()
        return cls(
            (a, b, c), voxel, (math.ceil(x / BLOCK), math.ceil(y / BLOCK), math.ceil(z / BLOCK))
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Points along z, y, x."""
        x, y, z = self.blocks
        return z * BLOCK, y * BLOCK, x * BLOCK

    def corners(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers of the points around places ``(N, 3)``, and their shares.

        Shape
            -> ``(N, 8)`` int64, ``(N, 8)`` float32; places beyond the lattice take its wall's
        """
        depth, rows, columns = self.shape
        scaled = (p - p.new_tensor(self.low)) / self.voxel
        most = scaled.new_tensor([columns - 1, rows - 1, depth - 1])
        scaled = scaled.clamp(min=0).minimum(most - 1e-3)
        begin = scaled.floor()
        after = scaled - begin
        x, y, z = begin.long().unbind(1)
        first = (z * rows + y) * columns + x
        offsets = torch.tensor([(k * rows + j) * columns + i for k, j, i in _CORNERS])
        sides = torch.stack([1 - after, after])
        shares = [sides[k, :, 2] * sides[j, :, 1] * sides[i, :, 0] for k, j, i in _CORNERS]
        return first[:, None] + offsets, torch.stack(shares, 1)

    def places(self, numbers: Tensor) -> Tensor:
        """Where points ``(N,)`` lie, ``(N, 3)`` float32."""
        return self._index(numbers).float() * self.voxel + torch.tensor(self.low)

    def blocks_of(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Of points ``(N,)`` the number of their block, and theirs in it; x fastest in both."""
        index = self._index(numbers)
        x, y, z = torch.div(index, BLOCK, rounding_mode="floor").unbind(1)
        i, j, k = (index % BLOCK).unbind(1)
        columns, rows, _ = self.blocks
        return (z * rows + y) * columns + x, (k * BLOCK + j) * BLOCK + i

    def blocks_around(self, numbers: Tensor) -> Tensor:
        """Numbers of all blocks that interpolate from points ``(N,)``, some several times."""
        index = self._index(numbers)
        columns, rows, _ = self.blocks
        found = []
        for offset in _CORNERS:
            before = (index - torch.tensor(offset)).clamp(min=0)
            x, y, z = torch.div(before, BLOCK, rounding_mode="floor").unbind(1)
            found.append((z * rows + y) * columns + x)
        return torch.cat(found)

    def numbers_of(self, block: Tensor) -> Tensor:
        """Numbers ``(N, 512)`` of the points of blocks ``(N,)``, inverse of `blocks_of`."""
        columns, rows, _ = self.blocks
        plane = torch.div(block, columns, rounding_mode="floor")
        corner = torch.stack(
            [block % columns, plane % rows, torch.div(plane, rows, rounding_mode="floor")], 1
        )
        inside = torch.tensor(list(itertools.product(range(BLOCK), repeat=3))).flip(1)
        x, y, z = (corner[:, None] * BLOCK + inside).unbind(2)
        _, tall, wide = self.shape
        return (z * tall + y) * wide + x

    def _index(self, numbers: Tensor) -> Tensor:
        _, rows, columns = self.shape
        plane = torch.div(numbers, columns, rounding_mode="floor")
        return torch.stack(
            [numbers % columns, plane % rows, torch.div(plane, rows, rounding_mode="floor")], 1
        )
