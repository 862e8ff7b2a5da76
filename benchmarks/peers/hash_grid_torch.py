"""The multiresolution hash grid of instant-ngp in pure PyTorch, all levels in one expression.

Source: Müller et al., "Instant Neural Graphics Primitives with a Multiresolution Hash Encoding",
ACM TOG 41(4), 2022, section 3; layout of the tables as in tiny-cuda-nn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

# The published primes as signed 32-bit integers, whose products wrap alike.
PRIMES = (1, 2654435761 - (1 << 32), 805459861)


@dataclass(frozen=True)
class Level:
    """One level: cells per axis `scale`, vertices per axis `resolution`, rows [offset, +size)."""

    scale: float
    resolution: int
    offset: int
    size: int
    hashed: bool


def make_levels(count: int, log2_table: int, base: int, finest: int) -> list[Level]:
    """Levels whose scales grow geometrically from `base` - 1 to `finest` - 1."""
    growth = (finest / base) ** (1 / (count - 1))
    levels: list[Level] = []
    offset = 0
    for level in range(count):
        scale = float(torch.tensor(base * growth**level - 1, dtype=torch.float32))
        resolution = math.ceil(scale) + 1
        size = min(1 << log2_table, -(-(resolution**3) // 8) * 8)
        levels.append(Level(scale, resolution, offset, size, resolution**3 > size))
        offset += size
    return levels


class HashGrid(nn.Module):
    """All levels as one tensor expression: the form that `torch.compile` fuses best.

    Shape: (N, 3) float32 in [0, 1] -> (N, L * F) float32, level-major features.
    """

    table: nn.Parameter

    def __init__(self, levels: list[Level], table: Tensor) -> None:
        super().__init__()
        self.table = nn.Parameter(table)

        def column(values: list[Any], dtype: torch.dtype) -> nn.Buffer:
            return nn.Buffer(torch.tensor(values, dtype=dtype))

        self.scale = column([level.scale for level in levels], torch.float32)
        self.resolution = column([level.resolution for level in levels], torch.int32)
        self.offset = column([level.offset for level in levels], torch.int32)
        self.size = column([level.size for level in levels], torch.int32)
        self.hashed = column([level.hashed for level in levels], torch.bool)

    def forward(self, x: Tensor) -> Tensor:
        position = x[:, None, :] * self.scale[:, None] + 0.5
        cell = torch.floor(position)
        fraction = position - cell
        low = cell.to(torch.int32).unbind(-1)
        high_weight = fraction.unbind(-1)
        features = torch.zeros(())
        for corner in range(8):
            vertex, weight = [], torch.ones(())
            for axis in range(3):
                bit = corner >> axis & 1
                vertex.append(low[axis] + bit)
                weight = weight * (high_weight[axis] if bit else 1 - high_weight[axis])
            row = self._row(vertex)
            features = features + self.table[row.long()] * weight[..., None]
        return features.flatten(1)

    def _row(self, vertex: list[Tensor]) -> Tensor:
        x, y, z = vertex
        hashed = (x ^ (y * PRIMES[1]) ^ (z * PRIMES[2])) & (self.size - 1)
        dense = x + self.resolution * (y + self.resolution * z)
        # A vertex beyond the last one wraps round to the table's start, as in tiny-cuda-nn.
        dense = torch.where(dense >= self.size, dense - self.size, dense)
        return torch.where(self.hashed, hashed, dense) + self.offset
