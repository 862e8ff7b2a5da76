"""SIREN: a perceptron with sines between its layers."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from nfield.networks.mlp import MLP
from nfield.ops import check
from nfield.ops.mlp import mlp


class Siren(MLP):
    r"""Map points by layers of sines.

    Formula
        $h_0 = x$, $h_{l+1} = \sin(W_l\,(\omega_l h_l) + b_l)$, $y = W h + b$; $\omega_0$ is
        `omega_first`, all others are `omega_hidden`. The first W starts uniform in +-1 / in_dim,
        the others in $\pm\sqrt{6 / \text{width}} / \omega_{hidden}$, biases in
        $\pm 1 / \sqrt{\text{in}}$ of their layer
    Shape
        x ``(N, in_dim)`` float32 -> ``(N, out_dim)`` float32; parameter ``weights`` ``(P,)`` holds
        W and b of all layers (`layer` gives views)
    Raises
        ValueError: sizes outside those the kernel takes, or a frequency not from 1e-3 to 1e3.
    Source
        Sitzmann et al. 2020, SIREN, arXiv:2006.09661, Sec. 3.2. There omega multiplies the bias,
        too; here it does not, as in Kania et al. 2025, FreSh, arXiv:2410.05050

    Args:
        width: Of the hidden layers, a multiple of 8.
        hidden: Number of hidden layers, 1 to 8.
        omega_first: Frequency of the first layer: the larger, the finer the detail learned first.
        omega_hidden: Frequency of the other hidden layers.
    """

    scale: Tensor

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 256,
        hidden: int = 3,
        omega_first: float = 30.0,
        omega_hidden: float = 30.0,
    ):
        check.between("Siren", "hidden", hidden, 1, 8)
        check.between("Siren", "omega_first", omega_first, 1e-3, 1e3)
        check.between("Siren", "omega_hidden", omega_hidden, 1e-3, 1e3)
        super().__init__(in_dim, out_dim, width=width, hidden=hidden, activation="sine", bias=True)
        self.omega_first, self.omega_hidden = omega_first, omega_hidden
        start_sines(self, omega_hidden)
        # The kernel's own omega multiplies the bias, too: here the layer's W takes it.
        factors = []
        for index, (out, in_) in enumerate(self.shape.layers):
            omega = 1.0 if index == hidden else omega_hidden if index else omega_first
            factors += [torch.full((out * in_,), omega), torch.ones(out)]
        self.register_buffer("scale", torch.cat(factors), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return mlp(x, self.weights * self.scale, self.shape)

    def extra_repr(self) -> str:
        """Sizes, for printing."""
        return f"{self.shape}, omega_first={self.omega_first}, omega_hidden={self.omega_hidden}"


def start_sines(network: MLP, omega_hidden: float) -> None:
    """Starting values that keep the sines' distribution the same from layer to layer.

    Source
        Sitzmann et al. 2020, SIREN, arXiv:2006.09661, Sec. 3.2
    """
    with torch.no_grad():
        for index in range(network.shape.hidden + 1):
            weight, bias = network.layer(index)
            inputs = weight.shape[1]
            bound = math.sqrt(6 / inputs) / omega_hidden if index else 1 / inputs
            weight.uniform_(-bound, bound)
            assert bias is not None
            bias.uniform_(-1 / math.sqrt(inputs), 1 / math.sqrt(inputs))
