"""Gaussian radial basis functions: their weighted sum in one pass, and its gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import derivative, native, operation

LARGEST = 1024  # of each of the three sizes: bounds the memory of the gradients' partial sums


def check_sizes(in_dim: int, kernels: int, out_dim: int) -> None:
    """Raises ValueError for sizes that the kernel does not take."""
    check.between("RBF", "in_dim", in_dim, 1, LARGEST)
    check.between("RBF", "kernels", kernels, 1, LARGEST)
    check.between("RBF", "out_dim", out_dim, 1, LARGEST)


def _checked(
    x: Tensor, centers: Tensor, log_scales: Tensor, weights: Tensor, bias: Tensor
) -> list[Tensor]:
    centers = check.floats("rbf", "centers", centers, None, None)
    weights = check.floats("rbf", "weights", weights, None, len(centers))
    check_sizes(centers.shape[1], len(centers), len(weights))
    return [
        check.floats("rbf", "x", x, None, centers.shape[1]),
        centers,
        check.floats("rbf", "log_scales", log_scales, *centers.shape),
        weights,
        check.floats("rbf", "bias", bias, len(weights)),
    ]


@operation(
    "rbf_forward(Tensor x, Tensor centers, Tensor log_scales, Tensor weights, Tensor bias)"
    " -> Tensor",
    lambda x, centers, log_scales, weights, bias: x.new_empty(x.shape[0], weights.shape[0]),
)
def _forward(*operands: Tensor) -> Tensor:
    x, *parameters = _checked(*operands)
    y = x.new_empty(len(x), len(parameters[-1]))
    native.rbf_forward(x, *parameters, y)
    return y


@operation(
    "rbf_backward(Tensor x, Tensor centers, Tensor log_scales, Tensor weights, Tensor bias,"
    " Tensor dy) -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
    lambda *operands: tuple(torch.empty_like(operand) for operand in operands[:5]),
)
def _backward(*operands: Tensor) -> tuple[Tensor, ...]:
    inputs = _checked(*operands[:5])
    dy = check.floats("rbf", "dy", operands[5], len(inputs[0]), len(inputs[4]))
    gradients = tuple(torch.empty_like(tensor) for tensor in inputs)
    native.rbf_backward(*inputs, dy, *gradients)
    return gradients


_derivative = derivative("rbf", _backward)


class _Rbf(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *operands: Tensor) -> Tensor:
        ctx.save_for_backward(*operands)
        y: Tensor = _forward(*operands)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        return _derivative(*ctx.saved_tensors, dy)


def rbf(x: Tensor, centers: Tensor, log_scales: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    r"""Weighted sums of Gaussians with a width of their own in every dimension.

    Formula
        $\phi_k = \exp(-\frac12 \sum_d e^{\lambda_{kd}} (x_d - c_{kd})^2)$, $y = W \phi + b$
    Shape
        x ``(N, D)``, centers c and log_scales lambda ``(K, D)``, weights W ``(O, K)``, bias b
        ``(O,)`` -> ``(N, O)``, all float32; D, K and O from 1 to 1024
    Raises
        TypeError, ValueError: another dtype, shape or device.
        RuntimeError: on second derivatives.
    Source
        Decoder of Bouzidi et al. 2025, Gaussian Neural Fields, arXiv:2503.06762; csrc/cpu/rbf.cpp
    """
    y: Tensor = _Rbf.apply(x, centers, log_scales, weights, bias)
    return y
