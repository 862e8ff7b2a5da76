"""Tri-planes and dense grids in PyTorch, in the formulations that its CPU kernels allow.

A module's parameter `vertices` has the shape (..., C) of ours. Vertices are at i / (R - 1), points
in [0, 1].
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

PLANES = ((0, 1), (0, 2), (1, 2))  # coordinates of the planes xy, xz and yz


class _Grid(nn.Module):
    def __init__(self, vertices: Tensor) -> None:
        super().__init__()
        self.vertices = nn.Parameter(vertices.clone())


def planar(vertices: Tensor) -> Tensor:
    """The same tensor (..., C), in memory channel after channel."""
    return vertices.movedim(-1, 0).contiguous().movedim(0, -1)


class PlanesSampled(_Grid):
    """`grid_sample` of planes (3, R, R, C)."""

    def forward(self, x: Tensor) -> Tensor:
        # grid_sample takes the coordinate of the last axis first.
        at = torch.stack([x[:, (b, a)] for a, b in PLANES])[:, None] * 2 - 1
        sampled = functional.grid_sample(self.vertices.movedim(-1, 1), at, align_corners=True)
        return sampled[:, :, 0].sum(0).t()


class GridSampled(_Grid):
    """`grid_sample` of a grid (R, R, C) or (R, R, R, C)."""

    def forward(self, x: Tensor) -> Tensor:
        dims = x.shape[1]
        at = (x.flip(1) * 2 - 1)[(None,) * dims]
        channels = self.vertices.movedim(-1, 0)[None]
        sampled = functional.grid_sample(channels, at, align_corners=True)
        return sampled.flatten(2)[0].t()


def bag(rows: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """Weighted sums of rows by `embedding_bag`."""
    return functional.embedding_bag(index, rows, per_sample_weights=weight, mode="sum")


def gather(rows: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """Weighted sums of rows by indexing."""
    total = rows[index[:, 0]] * weight[:, :1]
    for k in range(1, index.shape[1]):
        total = total + rows[index[:, k]] * weight[:, k : k + 1]
    return total


Sum = Callable[[Tensor, Tensor, Tensor], Tensor]


def corners(x: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
    """Rows (N, 2^D) of the corners around each point, row-major, and their weights."""
    position = x * (resolution - 1)
    cell = position.floor().clamp_(0, resolution - 2)
    fraction, low = position - cell, cell.long()
    index, weight = [], []
    for corner in itertools.product((0, 1), repeat=x.shape[1]):
        row, share = torch.zeros_like(low[:, 0]), torch.ones_like(fraction[:, 0])
        for axis, up in enumerate(corner):
            row = row * resolution + low[:, axis] + up
            share = share * (fraction[:, axis] if up else 1 - fraction[:, axis])
        index.append(row)
        weight.append(share)
    return torch.stack(index, 1), torch.stack(weight, 1)


class PlanesSummed(_Grid):
    """Planes (3, R, R, C) by weighted sums of their rows."""

    def __init__(self, vertices: Tensor, sum_rows: Sum) -> None:
        super().__init__(vertices)
        self.sum_rows = sum_rows

    def forward(self, x: Tensor) -> Tensor:
        total = torch.zeros(())
        for plane, axes in zip(self.vertices, PLANES, strict=True):
            rows = plane.flatten(0, 1)
            total = total + self.sum_rows(rows, *corners(x[:, axes], len(plane)))
        return total


class GridSummed(_Grid):
    """A grid (R, R, C) or (R, R, R, C) by weighted sums of its rows."""

    def __init__(self, vertices: Tensor, sum_rows: Sum) -> None:
        super().__init__(vertices)
        self.sum_rows = sum_rows

    def forward(self, x: Tensor) -> Tensor:
        index, weight = corners(x, len(self.vertices))
        return self.sum_rows(self.vertices.flatten(0, -2), index, weight)
