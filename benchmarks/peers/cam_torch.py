"""A layer of coordinate-aware modulation in PyTorch.

Both take x (N, in), weight (out, in), bias (out,), gamma and beta (N, 1) or (N, out).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import layer_norm, linear

Layer = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]


def fused_norm(x: Tensor, weight: Tensor, bias: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """With PyTorch's own layer norm: one pass over the features eagerly."""
    normal = layer_norm(linear(x, weight, bias), (len(weight),), eps=1e-5)
    return torch.relu(torch.addcmul(beta, gamma, normal))


def written_out(x: Tensor, weight: Tensor, bias: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """With mean and variance as the formula has them, for a compiler to fuse."""
    z = linear(x, weight, bias)
    centered = z - z.mean(1, keepdim=True)
    variance = centered.square().mean(1, keepdim=True)
    return torch.relu(gamma * (centered * torch.rsqrt(variance + 1e-5)) + beta)
