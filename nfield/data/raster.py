"""Values on a regular grid of cells: the pixels of an image, or of the frames of a video."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def centers(index: Tensor, shape: Sequence[int]) -> Tensor:
    """Coordinates of cells by their index in a grid of `shape`, row by row.

    Formula
        along an axis of n cells, cell i has its centre at (i + 1/2) / n
    Shape
        index ``(N,)`` int64 -> ``(N, D)`` float32 in [0, 1], last axis first: x, y of an image
        ``(H, W)``, and x, y, t of a video ``(T, H, W)``
    """
    columns = []
    rest = index.double()  # exact up to 2^53, and faster to divide than integers
    for length in reversed(shape):
        whole = (rest / length).floor_()
        columns.append((rest - whole * length + 0.5) / length)
        rest = whole
    return torch.stack(columns, 1).float()


def strata(total: int, count: int, generator: torch.Generator) -> Tensor:
    """Random indices, one from each of `count` equal stretches of range(total), ascending.

    Each index is equally likely, as if drawn freely, but a batch covers the range evenly and runs
    through memory in one direction.

    Shape
        -> ``(count,)`` int64; `count` is at most `total`
    """
    place = torch.rand(count, dtype=torch.float64, generator=generator)
    place += torch.arange(count, dtype=torch.float64)
    return (place * (total / count)).long().clamp_(max=total - 1)


class Raster:
    """Cells of a grid, each with its values.

    Shape
        values ``(..., C)`` uint8: ``(H, W, C)`` or ``(T, H, W, C)``
    """

    def __init__(self, values: Tensor):
        self.values = values
        self.shape = tuple(values.shape[:-1])
        self._rows = values.reshape(-1, values.shape[-1])
        self._all: tuple[Tensor, Tensor] | None = None

    def __len__(self) -> int:
        return math.prod(self.shape)

    @property
    def out_dim(self) -> int:
        """Values of a cell."""
        return self._rows.shape[1]

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """`count` random cells; all of them in order where there are not more.

        Shape
            -> coordinates ``(N, D)`` float32, values ``(N, C)`` float32 in [0, 1]
        """
        if count < len(self):
            index = strata(len(self), count, generator)
            return centers(index, self.shape), self._rows[index].float() / 255
        if self._all is None:
            self._all = centers(torch.arange(len(self)), self.shape), self._rows.float() / 255
        return self._all
