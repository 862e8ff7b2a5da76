"""Output activations: exponential for densities, logistic for colours.

PyTorch's own round differently where a thread's share of a tensor ends; these give the same bits
whatever the number of threads.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import derivative, empty, native, operation


@operation(
    "exponential_forward(Tensor x, float most) -> Tensor", lambda x, most: x.new_empty(x.shape)
)
def _exponential(x: Tensor, most: float) -> Tensor:
    x = check.floats("exponential", "x", x, *x.shape)
    y = empty(*x.shape)
    native.exponential_forward(most, x, y)
    return y


@operation(
    "exponential_backward(Tensor x, Tensor y, Tensor dy, float most) -> Tensor",
    lambda x, y, dy, most: torch.empty_like(y),
)
def _exponential_backward(x: Tensor, y: Tensor, dy: Tensor, most: float) -> Tensor:
    x, y, dy = (
        check.floats("exponential", name, tensor, *x.shape)
        for name, tensor in (("x", x), ("y", y), ("dy", dy))
    )
    dx = empty(*y.shape)
    native.exponential_backward(most, x, y, dy, dx)
    return dx


@operation("logistic_forward(Tensor x) -> Tensor", lambda x: x.new_empty(x.shape))
def _logistic(x: Tensor) -> Tensor:
    x = check.floats("logistic", "x", x, *x.shape)
    y = empty(*x.shape)
    native.logistic_forward(x, y)
    return y


@operation("logistic_backward(Tensor y, Tensor dy) -> Tensor", lambda y, dy: torch.empty_like(y))
def _logistic_backward(y: Tensor, dy: Tensor) -> Tensor:
    y, dy = (
        check.floats("logistic", name, tensor, *y.shape) for name, tensor in (("y", y), ("dy", dy))
    )
    dx = empty(*y.shape)
    native.logistic_backward(y, dy, dx)
    return dx


_exponential_derivative = derivative("exponential", _exponential_backward)
_logistic_derivative = derivative("logistic", lambda x, y, dy: _logistic_backward(y, dy))


class _Exponential(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, most: float) -> Tensor:
        y: Tensor = _exponential(x, most)
        ctx.save_for_backward(x, y.detach())
        ctx.most = most
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        return _exponential_derivative(*ctx.saved_tensors, dy, ctx.most), None


class _Logistic(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y: Tensor = _logistic(x)
        ctx.save_for_backward(x, y.detach())
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        return _logistic_derivative(*ctx.saved_tensors, dy)


def exponential(x: Tensor, most: float) -> Tensor:
    """exp(min(x, most)) of every entry, with gradient zero from `most` on.

    Shape
        x any, float32 -> same
    Raises
        TypeError, ValueError: another dtype or device.
        RuntimeError: on second derivatives.
    """
    y: Tensor = _Exponential.apply(x, most)
    return y


def logistic(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)) of every entry.

    Shape
        x any, float32 -> same
    Raises
        TypeError, ValueError: another dtype or device.
        RuntimeError: on second derivatives.
    """
    y: Tensor = _Logistic.apply(x)
    return y
