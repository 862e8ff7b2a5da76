"""Fused multilayer perceptron: all layers of a tile of rows in one pass, and its gradients."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import derivative, empty, native, operation

ACTIVATIONS = ("none", "relu", "softplus", "sine")  # position = native code


@dataclass(frozen=True)
class MlpShape:
    """Sizes of a perceptron: `hidden` layers of `width`, then a linear layer."""

    in_dim: int
    out_dim: int
    width: int
    hidden: int
    activation: str
    bias: bool

    def __post_init__(self) -> None:
        check.between("MLP", "in_dim", self.in_dim, 1, 4096)
        check.between("MLP", "out_dim", self.out_dim, 1, 4096)
        check.between("MLP", "hidden", self.hidden, 0, 8)
        check.between("MLP", "width", self.width, 8, 4096)
        if self.width % 8:
            raise ValueError(f"MLP: width must be a multiple of 8, got {self.width}")
        check.one_of("MLP", "activation", self.activation, ACTIVATIONS)

    @property
    def layers(self) -> list[tuple[int, int]]:
        """(out, in) of every layer, from input to output."""
        sizes = [self.in_dim, *[self.width] * self.hidden, self.out_dim]
        return [(out, in_) for in_, out in itertools.pairwise(sizes)]

    @property
    def parameters(self) -> int:
        """Weights and biases of all layers together."""
        return sum(out * (in_ + self.bias) for out, in_ in self.layers)

    @property
    def code(self) -> list[int]:
        """The shape as integers, for the operators' signatures."""
        sizes = [self.in_dim, self.out_dim, self.width, self.hidden]
        return [*sizes, ACTIVATIONS.index(self.activation), int(self.bias)]


@functools.lru_cache(maxsize=64)
def _native_mlp(*code: int) -> tuple[MlpShape, Any]:
    in_dim, out_dim, width, hidden, activation, bias = code
    shape = MlpShape(in_dim, out_dim, width, hidden, ACTIVATIONS[activation], bool(bias))
    return shape, native.Mlp(in_dim, out_dim, width, hidden, activation, bool(bias))


def _checked(x: Tensor, weights: Tensor, code: list[int]) -> tuple[MlpShape, Any, Tensor, Tensor]:
    shape, kernel = _native_mlp(*code)
    x = check.floats("mlp", "x", x, None, shape.in_dim)
    weights = check.floats("mlp", "weights", weights, shape.parameters)
    return shape, kernel, x, weights


@operation(
    "mlp_forward(Tensor x, Tensor weights, int[] shape) -> Tensor",
    lambda x, weights, shape: x.new_empty(x.shape[0], shape[1]),
)
def _forward(x: Tensor, weights: Tensor, code: list[int]) -> Tensor:
    shape, kernel, x, weights = _checked(x, weights, code)
    y = empty(len(x), shape.out_dim)
    kernel.forward(x, weights, y)
    return y


@operation(
    "mlp_backward(Tensor x, Tensor weights, Tensor dy, int[] shape, bool wants_x)"
    " -> (Tensor, Tensor)",
    lambda x, weights, dy, shape, wants_x: (
        x.new_empty(x.shape if wants_x else (0,)),
        torch.empty_like(weights),
    ),
)
def _backward(
    x: Tensor, weights: Tensor, dy: Tensor, code: list[int], wants_x: bool
) -> tuple[Tensor, Tensor]:
    shape, kernel, x, weights = _checked(x, weights, code)
    dy = check.floats("mlp", "dy", dy, len(x), shape.out_dim)
    dx = empty(*x.shape) if wants_x else empty(0)
    dweights = empty(*weights.shape)
    kernel.backward(x, weights, dy, dx if wants_x else None, dweights)
    return dx, dweights


_derivative = derivative("mlp", _backward)


class _Mlp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weights: Tensor, code: list[int]) -> Tensor:
        ctx.save_for_backward(x, weights)
        ctx.code = code
        y: Tensor = _forward(x, weights, code)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        x, weights = ctx.saved_tensors
        wants_x = ctx.needs_input_grad[0]
        dx, dweights = _derivative(x, weights, dy, ctx.code, wants_x)
        return dx if wants_x else None, dweights, None


def mlp(x: Tensor, weights: Tensor, shape: MlpShape) -> Tensor:
    r"""Rows through a perceptron.

    Formula
        $z_0 = W_0 x + b_0$, $z_l = W_l\,a(z_{l-1}) + b_l$, $y = z_{hidden}$, with a = none, ReLU,
        softplus or sine
    Shape
        x ``(N, in)`` float32, weights ``(P,)`` float32: layer after layer W ``(out, in)`` row by
        row, then b ``(out,)`` where there is a bias -> ``(N, out)`` float32
    Raises
        TypeError, ValueError: another dtype, shape or device.
        RuntimeError: on second derivatives.
    Source
        Fused evaluation after Mueller et al. 2021, Real-time Neural Radiance Caching,
        arXiv:2106.12372, Sec. 4; csrc/cpu/mlp.cpp
    """
    y: Tensor = _Mlp.apply(x, weights, shape.code)
    return y
