"""FINER: a perceptron with sines whose frequency grows with their argument."""

from __future__ import annotations

import dataclasses

from torch import nn

from nfield.networks.mlp import MLP
from nfield.networks.siren import start_sines
from nfield.ops import check


class Finer(MLP):
    r"""Map points by layers of sines of variable period.

    Formula
        $z_l = W_l h_l + b_l$, $h_{l+1} = \sin(\omega_l\,(|z_l| + 1)\,z_l)$ with $h_0 = x$ and
        $|z_l|$ constant to the gradient, $y = W h + b$; weights and biases start as in `Siren`,
        the biases of the first layer uniform in +-`first_bias`
    Shape
        x ``(N, in_dim)`` float32 -> ``(N, out_dim)`` float32; parameter ``weights`` ``(P,)`` holds
        W and b of all layers (`layer` gives views)
    Raises
        ValueError: sizes outside those the kernel takes, a frequency not from 1e-3 to 1e3, or a
            negative `first_bias`.
    Source
        Liu et al. 2024, FINER, arXiv:2312.02434

    Args:
        width: Of the hidden layers, a multiple of 8.
        hidden: Number of hidden layers, 1 to 8.
        omega_first: Frequency of the first layer.
        omega_hidden: Frequency of the other hidden layers.
        first_bias: Largest starting bias of the first layer: the larger, the higher the
            frequencies that it begins with.
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 256,
        hidden: int = 3,
        omega_first: float = 30.0,
        omega_hidden: float = 30.0,
        first_bias: float = 1.0,
    ):
        check.between("Finer", "hidden", hidden, 1, 8)
        check.between("Finer", "omega_first", omega_first, 1e-3, 1e3)
        check.between("Finer", "omega_hidden", omega_hidden, 1e-3, 1e3)
        check.between("Finer", "first_bias", first_bias, 0, float("inf"))
        super().__init__(in_dim, out_dim, width=width, hidden=hidden, activation="finer", bias=True)
        self.shape = dataclasses.replace(
            self.shape, omega_first=omega_first, omega_hidden=omega_hidden
        )
        start_sines(self, omega_hidden)
        _, bias = self.layer(0)
        assert bias is not None
        nn.init.uniform_(bias, -first_bias, first_bias)
