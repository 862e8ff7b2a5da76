"""Perceptron whose input joins again between two of its layers."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from nfield.networks.mlp import MLP
from nfield.ops import check

ACTIVATE: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "softplus": nn.functional.softplus,
    "sine": torch.sin,
}


class SkipMLP(nn.Module):
    r"""Linear layers with one activation between them and a skip connection from the input.

    Formula
        $h_0 = x$, $h_{l+1} = a(W_l h_l + b_l)$, but $h_{l+1} = a(W_l [h_l, x] + b_l)$ at
        l = `skip`; the output layer is linear. Weights start as in `MLP`
    Shape
        x ``(N, in_dim)`` float32 -> ``(N, out_dim)`` float32; `bottom` holds the layers before the
        skip, `top` the others
    Raises
        ValueError: sizes outside those the kernel takes.
    Source
        Mildenhall et al. 2020, NeRF, arXiv:2003.08934, App. A: width 256, hidden 8, skip 5

    Args:
        width: Of the hidden layers, a multiple of 8.
        hidden: Number of hidden layers, 2 to 17.
        skip: Number of hidden layers before the input joins, from 1 to 9, and as many after it
            from 1 to 8.
        activation: relu, softplus or sine, after every hidden layer.
        bias: Whether layers add a bias.
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 256,
        hidden: int = 8,
        skip: int = 5,
        activation: str = "relu",
        bias: bool = True,
    ):
        super().__init__()
        check.between("SkipMLP", "hidden", hidden, 2, 17)
        check.between("SkipMLP", "skip", skip, max(1, hidden - 8), min(hidden - 1, 9))
        check.one_of("SkipMLP", "activation", activation, tuple(ACTIVATE))
        self.activate = ACTIVATE[activation]
        self.bottom = MLP(
            in_dim, width, width=width, hidden=skip - 1, activation=activation, bias=bias
        )
        if activation == "relu":  # follows the last layer, too
            with torch.no_grad():
                self.bottom.layer(skip - 1)[0].mul_(math.sqrt(2))
        self.top = MLP(
            width + in_dim,
            out_dim,
            width=width,
            hidden=hidden - skip,
            activation=activation,
            bias=bias,
        )

    @property
    def out_dim(self) -> int:
        """Values of a row."""
        return self.top.out_dim

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.top(torch.cat([self.activate(self.bottom(x)), x], dim=1))
