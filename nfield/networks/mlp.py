"""Multilayer perceptron with fused layers."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nfield.ops.mlp import MlpShape, mlp


class MLP(nn.Module):
    """Linear layers with one activation between them, evaluated in one pass.

    Formula
        see `nfield.ops.mlp.mlp`; weights start uniform with variance 2 / in before a relu, which
        halves the mean square, and 1 / in elsewhere, biases at 0
    Shape
        x ``(N, in_dim)`` float32 -> ``(N, out_dim)`` float32; parameter ``weights`` ``(P,)`` holds
        all layers (`layer` gives views)
    Raises
        ValueError: sizes outside those the kernel takes.
    Source
        He et al. 2015, arXiv:1502.01852, Eq. 10 (weights)

    Args:
        width: Of the hidden layers, a multiple of 8.
        hidden: Number of hidden layers, 0 to 8.
        activation: none, relu, softplus, sine or finer, after every hidden layer.
        bias: Whether layers add a bias.
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 64,
        hidden: int = 2,
        activation: str = "relu",
        bias: bool = False,
    ):
        super().__init__()
        self.shape = MlpShape(in_dim, out_dim, width, hidden, activation, bias)
        self.operation = mlp
        self.weights = nn.Parameter(torch.zeros(self.shape.parameters))
        with torch.no_grad():
            for index in range(hidden + 1):
                weight, _ = self.layer(index)
                kept = 2 if activation == "relu" and index < hidden else 1
                bound = math.sqrt(3 * kept / weight.shape[1])
                weight.uniform_(-bound, bound)

    @property
    def out_dim(self) -> int:
        """Values of a row."""
        return self.shape.out_dim

    def layer(self, index: int) -> tuple[Tensor, Tensor | None]:
        """Weight ``(out, in)`` and bias ``(out,)`` of one layer, as views of `weights`."""
        start = 0
        for out, in_ in self.shape.layers[:index]:
            start += out * (in_ + self.shape.bias)
        out, in_ = self.shape.layers[index]
        weight = self.weights[start : start + out * in_].view(out, in_)
        if not self.shape.bias:
            return weight, None
        return weight, self.weights[start + out * in_ : start + out * (in_ + 1)]

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.operation(x, self.weights, self.shape)

    def extra_repr(self) -> str:
        """Sizes, for printing."""
        return str(self.shape)
