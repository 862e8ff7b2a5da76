"""Voxel encoding: learned features at the vertices of one dense grid."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nfield.encodings.growth import resample
from nfield.ops import check
from nfield.ops.dense_grid import DenseGridShape, dense_grid
from nfield.ops.total_variation import total_variation


class Voxel(nn.Module):
    """Encode points by interpolating a dense grid of the square or the cube.

    Formula
        see `nfield.ops.dense_grid.dense_grid`; vertices start normal with deviation 0.1
    Shape
        x ``(N, in_dim)`` float32 in [0, 1] -> ``(N, channels)`` float32;
        parameter ``table`` ``(resolution^in_dim, channels)``, the last axis fastest
    Raises
        ValueError: sizes outside those the kernel or the memory takes.
    Source
        Sun et al. 2022, Direct Voxel Grid Optimization, arXiv:2111.11215, Eq. 5

    Args:
        in_dim: 1, 2 or 3.
        resolution: Vertices along each axis.
        channels: Features of a vertex.
    """

    def __init__(self, in_dim: int = 3, *, resolution: int, channels: int):
        super().__init__()
        self.shape = DenseGridShape((resolution,) * in_dim, channels)
        check.fits_memory("Voxel", (self.shape.entries, channels))
        table = torch.empty(self.shape.entries, channels)
        self.table = nn.Parameter(nn.init.normal_(table, std=0.1))

    @property
    def out_dim(self) -> int:
        """Features of a point."""
        return self.shape.channels

    @property
    def vertices(self) -> Tensor:
        """The table as a tensor of the grid's axes and the channels."""
        return self.table.view(*self.shape.resolution, self.shape.channels)

    def places(self, rows: Tensor) -> Tensor:
        """Points ``(N, in_dim)`` of the vertices in rows ``(N,)`` int64 of the table."""
        size = self.shape.resolution
        index = torch.stack(torch.unravel_index(rows, size), 1)
        return index / (torch.tensor(size) - 1)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return dense_grid(x, self.table, self.shape)

    def total_variation(self) -> Tensor:
        """Roughness of the grid, a scalar: see `nfield.ops.total_variation.total_variation`."""
        return total_variation(self.vertices[None])

    def grow(self, resolution: int) -> None:
        """Refine the grid: see `nfield.encodings.growth.resample`.

        A new parameter takes the place of the old one, of which optimizers must be told.

        Raises:
            ValueError: a resolution below the present one, or more than the memory takes.
        """
        check.between("Voxel.grow", "resolution", resolution, self.shape.resolution[0], 1 << 24)
        shape = DenseGridShape((resolution,) * len(self.shape.resolution), self.shape.channels)
        check.fits_memory("Voxel.grow", (shape.entries, shape.channels))
        vertices = self.vertices.detach()[None]
        finer = resample(vertices, (1, *shape.resolution, shape.channels))
        self.table = nn.Parameter(finer.view(shape.entries, shape.channels))
        self.shape = shape

    def extra_repr(self) -> str:
        """Sizes, for printing."""
        return str(self.shape)
