"""Dense grid: multilinear interpolation in one to three dimensions, and its gradients."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import derivative, empty, native, operation

MOST_ENTRIES = (1 << 31) - 1  # vertices are counted in 32 bits


@dataclass(frozen=True)
class DenseGridShape:
    """Sizes of a dense grid: vertices of each axis, channels, and which axes wrap (default none).

    Raises:
        ValueError: sizes outside those the kernel takes.
    """

    resolution: tuple[int, ...]
    channels: int
    wrap: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if not self.wrap:
            object.__setattr__(self, "wrap", (False,) * len(self.resolution))
        check.one_of("DenseGrid", "number of axes", len(self.resolution), (1, 2, 3))
        if len(self.wrap) != len(self.resolution):
            raise ValueError(
                f"DenseGrid: wrap must have one value for each of {len(self.resolution)} axes, "
                f"got {len(self.wrap)}"
            )
        for vertices in self.resolution:
            check.between("DenseGrid", "resolution", vertices, 2, 1 << 24)
        check.between("DenseGrid", "channels", self.channels, 1, 1 << 20)
        check.between("DenseGrid", "number of vertices", self.entries, 2, MOST_ENTRIES)

    @property
    def entries(self) -> int:
        """Vertices of the grid: rows of its table."""
        return math.prod(self.resolution)


@functools.lru_cache(maxsize=64)
def _native_grid(
    resolution: tuple[int, ...], wrap: tuple[bool, ...], channels: int
) -> tuple[DenseGridShape, Any]:
    shape = DenseGridShape(resolution, channels, wrap)
    return shape, native.DenseGrid(list(resolution), list(wrap), channels)


def _checked(
    x: Tensor, table: Tensor, resolution: list[int], wrap: list[bool], channels: int
) -> tuple[Any, Tensor, Tensor]:
    shape, kernel = _native_grid(tuple(resolution), tuple(wrap), channels)
    x = check.floats("dense_grid", "x", x, None, len(resolution))
    return kernel, x, check.floats("dense_grid", "table", table, shape.entries, channels)


@operation(
    "dense_grid_forward(Tensor x, Tensor table, int[] resolution, bool[] wrap, int channels)"
    " -> Tensor",
    lambda x, table, resolution, wrap, channels: x.new_empty(x.shape[0], channels),
)
def _forward(
    x: Tensor, table: Tensor, resolution: list[int], wrap: list[bool], channels: int
) -> Tensor:
    kernel, x, table = _checked(x, table, resolution, wrap, channels)
    y = empty(len(x), channels)
    kernel.forward(x, table, y)
    return y


@operation(
    "dense_grid_backward_table(Tensor x, Tensor table, Tensor dy, int[] resolution, bool[] wrap, "
    "int channels) -> Tensor",
    lambda x, table, dy, resolution, wrap, channels: torch.empty_like(table),
)
def _backward_table(
    x: Tensor, table: Tensor, dy: Tensor, resolution: list[int], wrap: list[bool], channels: int
) -> Tensor:
    kernel, x, table = _checked(x, table, resolution, wrap, channels)
    dtable = empty(*table.shape)
    kernel.backward_table(x, check.floats("dense_grid", "dy", dy, len(x), channels), dtable)
    return dtable


@operation(
    "dense_grid_backward_x(Tensor x, Tensor table, Tensor dy, int[] resolution, bool[] wrap, "
    "int channels) -> Tensor",
    lambda x, table, dy, resolution, wrap, channels: torch.empty_like(x),
)
def _backward_x(
    x: Tensor, table: Tensor, dy: Tensor, resolution: list[int], wrap: list[bool], channels: int
) -> Tensor:
    kernel, x, table = _checked(x, table, resolution, wrap, channels)
    dx = torch.empty_like(x)
    kernel.backward_x(x, table, check.floats("dense_grid", "dy", dy, len(x), channels), dx)
    return dx


def _gradients(
    x: Tensor, table: Tensor, dy: Tensor, shape: tuple[Any, ...], wants: tuple[bool, ...]
) -> tuple[Tensor | None, Tensor | None]:
    dx = _backward_x(x, table, dy, *shape) if wants[0] else None
    dtable = _backward_table(x, table, dy, *shape) if wants[1] else None
    return dx, dtable


_derivative = derivative("dense_grid", _gradients)


class _DenseGrid(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, table: Tensor, *shape: Any) -> Tensor:
        ctx.save_for_backward(x, table)
        ctx.shape = shape
        y: Tensor = _forward(x, table, *shape)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        x, table = ctx.saved_tensors
        return *_derivative(x, table, dy, ctx.shape, ctx.needs_input_grad[:2]), None, None, None


def dense_grid(x: Tensor, table: Tensor, shape: DenseGridShape) -> Tensor:
    r"""Values of points: the multilinear blend of the vertices around each.

    Formula
        $y = \sum_{c \in \{0,1\}^D} \prod_d w_{c_d}\, \theta[\lfloor p \rfloor + c]$ with
        $w_1 = p - \lfloor p \rfloor = 1 - w_0$. On an ordinary axis of R vertices
        $p = \min(\max(x, 0), 1)(R - 1)$, with gradient zero where x is clamped; on a wrapping axis
        $p = (x - \lfloor x \rfloor) R$, and the last vertex is followed by the first.
    Shape
        x ``(N, D)`` float32, table ``(R_0 * ... * R_{D-1}, C)`` float32, vertices row-major (last
        axis fastest) -> ``(N, C)`` float32
    Raises
        TypeError, ValueError: another dtype, shape or device.
        RuntimeError: on second derivatives.
    Source
        multilinear interpolation; csrc/math/dense_grid.h
    """
    y: Tensor = _DenseGrid.apply(x, table, list(shape.resolution), list(shape.wrap), shape.channels)
    return y
