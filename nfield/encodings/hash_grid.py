"""Hash grid encoding: learned features on nested grids, stored in hash tables."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nfield.ops import check
from nfield.ops.hash_grid import HashGridShape, hash_grid


class HashGrid(nn.Module):
    """Encode points by interpolating learned features at several resolutions.

    Formula
        see `nfield.ops.hash_grid.hash_grid`; entries start uniform in [-1e-4, 1e-4]
    Shape
        x ``(N, in_dim)`` float32 in [0, 1] -> ``(N, levels * features)`` float32;
        parameter ``table`` ``(entries, features)``
    Raises
        ValueError: sizes outside those the kernel or the memory takes.
    Source
        Mueller et al. 2022, Instant-NGP, arXiv:2201.05989

    Args:
        in_dim: 2 or 3.
        levels: Number of grids.
        features: 1, 2, 4 or 8 per grid.
        log2_table: Most entries of one grid, as a power of two.
        base_resolution: Of the coarsest grid.
        finest_resolution: Of the finest grid.
    """

    def __init__(
        self,
        in_dim: int = 3,
        *,
        levels: int = 16,
        features: int = 2,
        log2_table: int = 19,
        base_resolution: int = 16,
        finest_resolution: int = 2048,
    ):
        super().__init__()
        self.shape = HashGridShape(
            in_dim, features, levels, log2_table, base_resolution, finest_resolution
        )
        self.operation = hash_grid
        check.fits_memory("HashGrid", (self.shape.entries, features))
        table = torch.empty(self.shape.entries, features)
        self.table = nn.Parameter(nn.init.uniform_(table, -1e-4, 1e-4))

    @property
    def out_dim(self) -> int:
        """Features of a point."""
        return self.shape.out_dim

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.operation(x, self.table, self.shape)

    def extra_repr(self) -> str:
        """Sizes, for printing."""
        return str(self.shape)
