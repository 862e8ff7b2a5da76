"""Low-rank tensors: products of interpolated planes and lines, and their gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import derivative, empty, native, operation

MOST_RESOLUTION = 1 << 14
MOST_CHANNELS = 1 << 16


def _checked(where: str, x: Tensor, lines: Tensor) -> tuple[Tensor, Tensor, int, int]:
    """Points, lines, resolution and channels."""
    lines = check.floats(where, "lines", lines, 3, None, None)
    _, resolution, channels = lines.shape
    check.between(where, "resolution", resolution, 2, MOST_RESOLUTION)
    check.between(where, "channels", channels, 1, MOST_CHANNELS)
    return check.floats(where, "x", x, None, 3), lines, resolution, channels


def _checked_vm(x: Tensor, planes: Tensor, lines: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    x, lines, resolution, channels = _checked("vm", x, lines)
    return x, check.floats("vm", "planes", planes, 3, resolution, resolution, channels), lines


@operation(
    "vm_forward(Tensor x, Tensor planes, Tensor lines) -> Tensor",
    lambda x, planes, lines: x.new_empty(x.shape[0], 3 * lines.shape[2]),
)
def _vm_forward(x: Tensor, planes: Tensor, lines: Tensor) -> Tensor:
    x, planes, lines = _checked_vm(x, planes, lines)
    y = empty(len(x), 3 * lines.shape[2])
    native.vm_forward(x, planes, lines, y)
    return y


@operation(
    "vm_backward_tables(Tensor x, Tensor planes, Tensor lines, Tensor dy) -> (Tensor, Tensor)",
    lambda x, planes, lines, dy: (torch.empty_like(planes), torch.empty_like(lines)),
)
def _vm_backward_tables(
    x: Tensor, planes: Tensor, lines: Tensor, dy: Tensor
) -> tuple[Tensor, Tensor]:
    x, planes, lines = _checked_vm(x, planes, lines)
    dy = check.floats("vm", "dy", dy, len(x), 3 * lines.shape[2])
    dplanes, dlines = empty(*planes.shape), empty(*lines.shape)
    native.vm_backward_tables(x, planes, lines, dy, dplanes, dlines)
    return dplanes, dlines


@operation(
    "vm_backward_x(Tensor x, Tensor planes, Tensor lines, Tensor dy) -> Tensor",
    lambda x, planes, lines, dy: torch.empty_like(x),
)
def _vm_backward_x(x: Tensor, planes: Tensor, lines: Tensor, dy: Tensor) -> Tensor:
    x, planes, lines = _checked_vm(x, planes, lines)
    dy = check.floats("vm", "dy", dy, len(x), 3 * lines.shape[2])
    dx = torch.empty_like(x)
    native.vm_backward_x(x, planes, lines, dy, dx)
    return dx


@operation(
    "cp_forward(Tensor x, Tensor lines) -> Tensor",
    lambda x, lines: x.new_empty(x.shape[0], lines.shape[2]),
)
def _cp_forward(x: Tensor, lines: Tensor) -> Tensor:
    x, lines, _, channels = _checked("cp", x, lines)
    y = empty(len(x), channels)
    native.cp_forward(x, lines, y)
    return y


@operation(
    "cp_backward_lines(Tensor x, Tensor lines, Tensor dy) -> Tensor",
    lambda x, lines, dy: torch.empty_like(lines),
)
def _cp_backward_lines(x: Tensor, lines: Tensor, dy: Tensor) -> Tensor:
    x, lines, _, channels = _checked("cp", x, lines)
    dlines = empty(*lines.shape)
    native.cp_backward_lines(x, lines, check.floats("cp", "dy", dy, len(x), channels), dlines)
    return dlines


@operation(
    "cp_backward_x(Tensor x, Tensor lines, Tensor dy) -> Tensor",
    lambda x, lines, dy: torch.empty_like(x),
)
def _cp_backward_x(x: Tensor, lines: Tensor, dy: Tensor) -> Tensor:
    x, lines, _, channels = _checked("cp", x, lines)
    dx = torch.empty_like(x)
    native.cp_backward_x(x, lines, check.floats("cp", "dy", dy, len(x), channels), dx)
    return dx


def _vm_gradients(
    x: Tensor, planes: Tensor, lines: Tensor, dy: Tensor, wants: tuple[bool, bool, bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    dx = _vm_backward_x(x, planes, lines, dy) if wants[0] else None
    if not (wants[1] or wants[2]):
        return dx, None, None
    return dx, *_vm_backward_tables(x, planes, lines, dy)


def _cp_gradients(
    x: Tensor, lines: Tensor, dy: Tensor, wants: tuple[bool, bool]
) -> tuple[Tensor | None, Tensor | None]:
    dx = _cp_backward_x(x, lines, dy) if wants[0] else None
    dlines = _cp_backward_lines(x, lines, dy) if wants[1] else None
    return dx, dlines


_vm_derivative = derivative("vm", _vm_gradients)
_cp_derivative = derivative("cp", _cp_gradients)


class _Vm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, planes: Tensor, lines: Tensor) -> Tensor:
        ctx.save_for_backward(x, planes, lines)
        y: Tensor = _vm_forward(x, planes, lines)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        return _vm_derivative(*ctx.saved_tensors, dy, ctx.needs_input_grad)


class _Cp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, lines: Tensor) -> Tensor:
        ctx.save_for_backward(x, lines)
        y: Tensor = _cp_forward(x, lines)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        return _cp_derivative(*ctx.saved_tensors, dy, ctx.needs_input_grad)


def vm(x: Tensor, planes: Tensor, lines: Tensor) -> Tensor:
    r"""Features of points by the vector-matrix decomposition: mode by mode, plane times line.

    Formula
        $y_{mC + c} = P_{mc}(x_a, x_b)\, L_{mc}(x_l)$ for the modes $(a, b, l) =$ (0, 1, 2),
        (0, 2, 1), (1, 2, 0); $P$ bilinear and $L$ linear between vertices at $i / (R - 1)$; x
        outside [0, 1] is clamped, with gradient zero there
    Shape
        x ``(N, 3)``, planes ``(3, R, R, C)``, rows along the plane's first coordinate, lines
        ``(3, R, C)`` -> ``(N, 3 C)``; all float32
    Raises
        TypeError, ValueError: another dtype, shape or device.
        RuntimeError: on second derivatives.
    Source
        Chen et al. 2022, TensoRF, arXiv:2203.09517, Eqs. 3 and 5
    """
    y: Tensor = _Vm.apply(x, planes, lines)
    return y


def cp(x: Tensor, lines: Tensor) -> Tensor:
    r"""Features of points by the CANDECOMP/PARAFAC decomposition: products of three lines.

    Formula
        $y_c = L_{0c}(x_2)\, L_{1c}(x_1)\, L_{2c}(x_0)$, $L$ linear between vertices at
        $i / (R - 1)$; x outside [0, 1] is clamped, with gradient zero there
    Shape
        x ``(N, 3)``, lines ``(3, R, C)`` -> ``(N, C)``; all float32
    Raises
        TypeError, ValueError: another dtype, shape or device.
        RuntimeError: on second derivatives.
    Source
        Chen et al. 2022, TensoRF, arXiv:2203.09517, Eq. 1
    """
    y: Tensor = _Cp.apply(x, lines)
    return y
