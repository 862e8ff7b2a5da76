"""Adam in PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor


def make_adam(
    parameter: Tensor, gradient: Tensor, *, lr: float, betas: tuple[float, float], eps: float
) -> torch.optim.Adam:
    """The fused optimizer of one parameter whose gradient is already there."""
    parameter.grad = gradient
    return torch.optim.Adam([parameter], lr=lr, betas=betas, eps=eps, fused=True)
