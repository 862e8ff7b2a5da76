"""Gaussian radial basis functions in PyTorch.

Both take x (N, D), centers and log scales (K, D), weights (O, K) and bias (O,).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import linear


def broadcast(
    x: Tensor, centers: Tensor, log_scales: Tensor, weights: Tensor, bias: Tensor
) -> Tensor:
    """The formula as it is written, through differences (N, K, D)."""
    distance = ((x[:, None] - centers).square() * log_scales.exp()).sum(-1)
    return linear((-0.5 * distance).exp(), weights, bias)


def expanded(
    x: Tensor, centers: Tensor, log_scales: Tensor, weights: Tensor, bias: Tensor
) -> Tensor:
    """The square multiplied out: two matrix products, which cancel near a center."""
    precision = log_scales.exp()
    scaled = precision * centers
    constant = (scaled * centers).sum(1)
    distance = torch.addmm(constant, x.square(), precision.T).addmm(x, scaled.T, alpha=-2)
    return linear((-0.5 * distance).exp(), weights, bias)


def joined(x: Tensor, centers: Tensor, log_scales: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    """As `expanded`, in one matrix product of twice the depth."""
    precision = log_scales.exp()
    scaled = precision * centers
    constant = (scaled * centers).sum(1)
    factors = torch.cat([precision, -2 * scaled], 1)
    distance = torch.addmm(constant, torch.cat([x.square(), x], 1), factors.T)
    return linear((-0.5 * distance).exp(), weights, bias)
