"""Multiresolution hash grid: interpolated features of points, and their gradients."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import derivative, empty, native, operation


@dataclass(frozen=True)
class HashGridShape:
    """Sizes of a hash grid; levels grow geometrically from base to finest resolution."""

    in_dim: int
    features: int
    levels: int
    log2_table: int
    base_resolution: int
    finest_resolution: int

    def __post_init__(self) -> None:
        check.one_of("HashGrid", "in_dim", self.in_dim, (2, 3))
        check.one_of("HashGrid", "features", self.features, (1, 2, 4, 8))
        check.between("HashGrid", "levels", self.levels, 1, 64)
        check.between("HashGrid", "log2_table", self.log2_table, 3, 26)
        check.between("HashGrid", "base_resolution", self.base_resolution, 2, 1 << 20)
        check.between(
            "HashGrid", "finest_resolution", self.finest_resolution, self.base_resolution, 1 << 20
        )

    @property
    def code(self) -> list[int]:
        """The shape as integers, for the operators' signatures."""
        sizes = [self.in_dim, self.features, self.levels, self.log2_table]
        return [*sizes, self.base_resolution, self.finest_resolution]

    @property
    def growth(self) -> float:
        """Ratio of one level's resolution to the one below it."""
        if self.levels == 1:
            return 1.0
        return math.exp(math.log(self.finest_resolution / self.base_resolution) / (self.levels - 1))

    @functools.cached_property
    def layout(self) -> tuple[tuple[float, int, int, int, bool], ...]:
        """Per level: scale, resolution, first entry, entries, hashed."""
        rows = []
        offset = 0
        for level in range(self.levels):
            scale = self.base_resolution * self.growth**level - 1
            resolution = math.ceil(round(scale, 6)) + 1  # a whole number may be off by rounding
            dense = resolution**self.in_dim
            # Rounded up to 8 entries, as the published layout does.
            size = min(-(-dense // 8) * 8, 1 << self.log2_table)
            rows.append((scale, resolution, offset, size, dense > size))
            offset += size
        return tuple(rows)

    @property
    def entries(self) -> int:
        """Entries of all levels together."""
        _, _, offset, size, _ = self.layout[-1]
        return offset + size

    @property
    def out_dim(self) -> int:
        """Features of a point: levels times features per level."""
        return self.levels * self.features


@functools.lru_cache(maxsize=64)
def _native_grid(*shape: int) -> tuple[HashGridShape, Any]:
    grid = HashGridShape(*shape)
    return grid, native.HashGrid(grid.in_dim, grid.features, list(grid.layout))


def _checked(
    x: Tensor, table: Tensor, shape: list[int]
) -> tuple[HashGridShape, Any, Tensor, Tensor]:
    grid, kernel = _native_grid(*shape)
    x = check.floats("hash_grid", "x", x, None, grid.in_dim)
    table = check.floats("hash_grid", "table", table, grid.entries, grid.features)
    return grid, kernel, x, table


@operation(
    "hash_grid_forward(Tensor x, Tensor table, int[] shape) -> Tensor",
    lambda x, table, shape: x.new_empty(x.shape[0], shape[1] * shape[2]),
)
def _forward(x: Tensor, table: Tensor, shape: list[int]) -> Tensor:
    grid, kernel, x, table = _checked(x, table, shape)
    y = empty(len(x), grid.out_dim)
    kernel.forward(x, table, y)
    return y


@operation(
    "hash_grid_backward_table(Tensor x, Tensor table, Tensor dy, int[] shape) -> Tensor",
    lambda x, table, dy, shape: torch.empty_like(table),
)
def _backward_table(x: Tensor, table: Tensor, dy: Tensor, shape: list[int]) -> Tensor:
    grid, kernel, x, table = _checked(x, table, shape)
    dtable = empty(*table.shape)
    kernel.backward_table(x, check.floats("hash_grid", "dy", dy, len(x), grid.out_dim), dtable)
    return dtable


@operation(
    "hash_grid_backward_x(Tensor x, Tensor table, Tensor dy, int[] shape) -> Tensor",
    lambda x, table, dy, shape: torch.empty_like(x),
)
def _backward_x(x: Tensor, table: Tensor, dy: Tensor, shape: list[int]) -> Tensor:
    grid, kernel, x, table = _checked(x, table, shape)
    dx = empty(*x.shape)
    kernel.backward_x(x, table, check.floats("hash_grid", "dy", dy, len(x), grid.out_dim), dx)
    return dx


def _gradients(
    x: Tensor, table: Tensor, dy: Tensor, shape: list[int], wants_x: bool, wants_table: bool
) -> tuple[Tensor | None, Tensor | None]:
    dx = _backward_x(x, table, dy, shape) if wants_x else None
    dtable = _backward_table(x, table, dy, shape) if wants_table else None
    return dx, dtable


_derivative = derivative("hash_grid", _gradients)


class _HashGrid(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, table: Tensor, shape: list[int]) -> Tensor:
        ctx.save_for_backward(x, table)
        ctx.shape = shape
        y: Tensor = _forward(x, table, shape)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        x, table = ctx.saved_tensors
        return *_derivative(x, table, dy, ctx.shape, *ctx.needs_input_grad[:2]), None


def hash_grid(x: Tensor, table: Tensor, shape: HashGridShape) -> Tensor:
    r"""Features of points: at each level the d-linear blend of the corners' table entries.

    Formula
        $y_{l} = \sum_{c \in \{0,1\}^D} \prod_d w_{c_d}\, \theta_l[h(\lfloor p \rfloor + c)]$,
        $p = x (N_l - 1) + 1/2$; x outside [0, 1] is clamped, with gradient zero there
    Shape
        x ``(N, D)`` float32, table ``(E, F)`` float32 -> ``(N, L * F)`` float32, level by level
    Raises
        TypeError, ValueError: another dtype, shape or device.
        RuntimeError: on second derivatives.
    Source
        Mueller et al. 2022, Instant-NGP, arXiv:2201.05989, Eqs. 2-4; csrc/math/hash_grid.h
    """
    y: Tensor = _HashGrid.apply(x, table, shape.code)
    return y
