"""Frequency encodings and coordinate networks in PyTorch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def fourier(x: Tensor, frequencies: Tensor) -> Tensor:
    """Sines, then cosines, of the frequencies (K, D), in turns per unit of x."""
    angle = (2 * math.pi) * (x @ frequencies.T)
    return torch.cat([angle.sin(), angle.cos()], dim=1)


class Sines(nn.Module):
    """SIREN, or FINER where the frequency grows with the argument.

    Args:
        layers: (out, in) weight and (out,) bias of every layer.
        omega: of the first layer, of the other hidden ones.
        grows: whether this is FINER.
    """

    def __init__(
        self, layers: list[tuple[Tensor, Tensor]], omega: tuple[float, float], grows: bool
    ) -> None:
        super().__init__()
        # Weight, bias, weight, bias, ...: the order in which ours keeps them.
        self.values = nn.ParameterList(part.detach().clone() for pair in layers for part in pair)
        self.omega, self.grows = omega, grows

    def forward(self, x: Tensor) -> Tensor:
        values = list(self.values)
        for index in range(len(values) // 2 - 1):
            omega = self.omega[min(index, 1)]
            weight, bias = values[2 * index], values[2 * index + 1]
            if self.grows:
                z = nn.functional.linear(x, weight, bias)
                x = torch.sin(omega * (z.detach().abs() + 1) * z)
            else:
                x = torch.sin(nn.functional.linear(omega * x, weight, bias))
        return nn.functional.linear(x, values[-2], values[-1])
