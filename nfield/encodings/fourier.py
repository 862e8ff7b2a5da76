"""Random Fourier features of coordinates."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nfield.ops import check
from nfield.ops.fourier import fourier


class Fourier(nn.Module):
    """Encode points by sines and cosines of random frequencies.

    Formula
        see `nfield.ops.fourier.fourier`; the frequencies are normal with standard deviation sigma,
        in turns per unit of x, drawn once and never learned
    Shape
        x ``(N, in_dim)`` float32 -> ``(N, 2 * features)`` float32, sines, then cosines; buffer
        ``frequencies`` ``(features, in_dim)``, saved with the model
    Raises
        ValueError: sizes outside those the kernel takes, or a negative sigma.
    Source
        Tancik et al. 2020, Fourier Features, arXiv:2006.10739, Sec. 6.1

    Args:
        in_dim: 1 to 4.
        features: Number of frequencies.
        sigma: How high they reach: the larger, the finer the detail learned first.
    """

    frequencies: Tensor

    def __init__(self, in_dim: int, features: int, sigma: float):
        super().__init__()
        check.between("Fourier", "in_dim", in_dim, 1, 4)
        check.between("Fourier", "features", features, 1, 1 << 20)
        check.between("Fourier", "sigma", sigma, 0, float("inf"))
        self.sigma = sigma
        self.register_buffer("frequencies", sigma * torch.randn(features, in_dim))

    @property
    def out_dim(self) -> int:
        """Features of a point."""
        return 2 * len(self.frequencies)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return fourier(x, self.frequencies)

    def extra_repr(self) -> str:
        """Sizes, for printing."""
        features, in_dim = self.frequencies.shape
        return f"in_dim={in_dim}, features={features}, sigma={self.sigma}"
