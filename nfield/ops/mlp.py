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

ACTIVATIONS = ("none", "relu", "softplus", "sine", "finer")  # position = native code
MOST_KEPT = 1 << 28  # values of the hidden layers that one call keeps for its gradient: 1 GiB


@dataclass(frozen=True)
class MlpShape:
    """Sizes of a perceptron: `hidden` layers of `width`, then a linear layer."""

    in_dim: int
    out_dim: int
    width: int
    hidden: int
    activation: str
    bias: bool
    omega_first: float = 1.0  # frequencies of finer: in the first layer, in the others
    omega_hidden: float = 1.0

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

    def keeps(self, rows: int) -> bool:
        """Whether hidden layers are kept for the gradient; else they are computed again.

        Computing wide layers takes longer than reading them, and narrow ones the other way round.
        """
        values = self.hidden * rows * self.width
        return self.width >= 128 and self.width % 16 == 0 and values <= MOST_KEPT

    @property
    def fused(self) -> bool:
        """Whether a GPU takes rows through all layers in registers, multiplying halves."""
        fits = self.width in (16, 32, 64, 128) and max(self.in_dim, self.out_dim) <= 128
        return fits and self.hidden > 0

    @property
    def code(self) -> list[int]:
        """The shape as integers, for the operators' signatures."""
        sizes = [self.in_dim, self.out_dim, self.width, self.hidden]
        return [*sizes, ACTIVATIONS.index(self.activation), int(self.bias)]

    @property
    def omega(self) -> list[float]:
        """The shape's other numbers, for the operators' signatures."""
        return [self.omega_first, self.omega_hidden]


@functools.lru_cache(maxsize=64)
def _native_mlp(
    in_dim: int,
    out_dim: int,
    width: int,
    hidden: int,
    activation: int,
    bias: int,
    *omega: float,
) -> tuple[MlpShape, Any]:
    sizes = in_dim, out_dim, width, hidden
    shape = MlpShape(*sizes, ACTIVATIONS[activation], bool(bias), *omega)
    return shape, native.Mlp(*sizes, activation, bool(bias), *omega)


def _checked(
    x: Tensor, weights: Tensor, code: list[int], omega: list[float]
) -> tuple[MlpShape, Any, Tensor, Tensor]:
    shape, kernel = _native_mlp(*code, *omega)
    x = check.floats("mlp", "x", x, None, shape.in_dim)
    weights = check.floats("mlp", "weights", weights, shape.parameters)
    return shape, kernel, x, weights


@operation(
    "mlp_forward(Tensor x, Tensor weights, int[] shape, float[] omega, bool keep)"
    " -> (Tensor, Tensor)",
    lambda x, weights, shape, omega, keep: (
        x.new_empty(x.shape[0], shape[1]),
        x.new_empty((shape[3], x.shape[0], shape[2]) if keep else (0,)),
    ),
)
def _forward(
    x: Tensor, weights: Tensor, code: list[int], omega: list[float], keep: bool
) -> tuple[Tensor, Tensor]:
    shape, kernel, x, weights = _checked(x, weights, code, omega)
    y = empty(len(x), shape.out_dim)
    kept = empty(shape.hidden, len(x), shape.width) if keep else empty(0)
    kernel.forward(x, weights, y, kept if keep else None)
    return y, kept


@operation(
    "mlp_backward(Tensor x, Tensor weights, Tensor kept, Tensor dy, int[] shape, float[] omega,"
    " bool wants_x) -> (Tensor, Tensor)",
    lambda x, weights, kept, dy, shape, omega, wants_x: (
        x.new_empty(x.shape if wants_x else (0,)),
        torch.empty_like(weights),
    ),
)
def _backward(
    x: Tensor,
    weights: Tensor,
    kept: Tensor,
    dy: Tensor,
    code: list[int],
    omega: list[float],
    wants_x: bool,
) -> tuple[Tensor, Tensor]:
    shape, kernel, x, weights = _checked(x, weights, code, omega)
    dy = check.floats("mlp", "dy", dy, len(x), shape.out_dim)
    dx = empty(*x.shape) if wants_x else empty(0)
    dweights = empty(*weights.shape)
    kernel.backward(
        x, weights, kept if kept.dim() == 3 else None, dy, dx if wants_x else None, dweights
    )
    return dx, dweights


_derivative = derivative("mlp", _backward)


class _Mlp(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weights: Tensor, code: list[int], omega: list[float], keep: bool
    ) -> Tensor:
        y: Tensor
        y, kept = _forward(x, weights, code, omega, keep)
        ctx.save_for_backward(x, weights, kept)
        ctx.shape = code, omega
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        wants_x = ctx.needs_input_grad[0]
        dx, dweights = _derivative(*ctx.saved_tensors, dy, *ctx.shape, wants_x)
        return dx if wants_x else None, dweights, None, None, None


def mlp(x: Tensor, weights: Tensor, shape: MlpShape) -> Tensor:
    r"""Rows through a perceptron.

    Formula
        $z_0 = W_0 x + b_0$, $z_l = W_l\,a(z_{l-1}) + b_l$, $y = z_{hidden}$, with a = none, ReLU,
        softplus, sine, or finer: $\sin(\omega (|z| + 1) z)$ with $|z|$ constant to the gradient
    Shape
        x ``(N, in)`` float32, weights ``(P,)`` float32: layer after layer W ``(out, in)`` row by
        row, then b ``(out,)`` where there is a bias -> ``(N, out)`` float32; on a GPU fused shapes
        multiply halves (docs/gpu.md)
    Raises
        TypeError, ValueError: another dtype, shape or device.
        RuntimeError: on second derivatives.
    Source
        Fused evaluation after Mueller et al. 2021, Real-time Neural Radiance Caching,
        arXiv:2106.12372, Sec. 4; csrc/cpu/mlp.cpp, csrc/cuda/mlp_fused.cu
    """
    learns = torch.is_grad_enabled() and (x.requires_grad or weights.requires_grad)
    keep = learns and shape.keeps(x.shape[0]) and not (x.is_cuda and shape.fused)
    y: Tensor = _Mlp.apply(x, weights, shape.code, shape.omega, keep)
    return y
