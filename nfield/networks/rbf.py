"""One layer of Gaussian radial basis functions."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nfield.ops.rbf import check_sizes, rbf


class RBF(nn.Module):
    """Gaussians around learned centers in feature space, with a width in every dimension, summed.

    Formula
        see `nfield.ops.rbf.rbf`; centers start uniform in +-1e-4, log scales at `log_scale`,
        weights and bias uniform in +-1 / sqrt(kernels)
    Shape
        x ``(N, in_dim)`` float32 -> ``(N, out_dim)`` float32; parameters ``centers`` and
        ``log_scales`` ``(kernels, in_dim)``, ``weights`` ``(out_dim, kernels)``, ``bias``
        ``(out_dim,)``
    Raises
        ValueError: sizes outside those the kernel takes.
    Source
        Bouzidi et al. 2025, Gaussian Neural Fields, arXiv:2503.06762

    Args:
        log_scale: 0 in the paper. Features that start near 0, as those of grids do, must grow to
            about exp(-log_scale / 2) before Gaussians tell them apart.
    """

    def __init__(self, in_dim: int, out_dim: int, *, kernels: int = 64, log_scale: float = 0.0):
        super().__init__()
        check_sizes(in_dim, kernels, out_dim)
        bound = 1 / math.sqrt(kernels)
        self.centers = nn.Parameter(torch.empty(kernels, in_dim).uniform_(-1e-4, 1e-4))
        self.log_scales = nn.Parameter(torch.full((kernels, in_dim), log_scale))
        self.weights = nn.Parameter(torch.empty(out_dim, kernels).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(out_dim).uniform_(-bound, bound))

    @property
    def out_dim(self) -> int:
        """Values of a row."""
        return len(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return rbf(x, self.centers, self.log_scales, self.weights, self.bias)

    def extra_repr(self) -> str:
        """Sizes, for printing."""
        kernels, in_dim = self.centers.shape
        return f"in_dim={in_dim}, out_dim={self.out_dim}, kernels={kernels}"
