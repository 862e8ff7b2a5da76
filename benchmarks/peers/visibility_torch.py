"""The visible samples of packed rays in PyTorch: those that enough light reaches."""

from __future__ import annotations

import math

import torch
from torch import Tensor

LEAST_LIGHT = 1e-4


def visible(thickness: Tensor, ray: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
    """Indices of the samples in front of which the transmittance is at least 1e-4.

    Shape: thickness (S,), ray (S,) int64 index of the ray of each sample, offset (R + 1,) int64
        -> index (S',) int64 ascending, offset (R + 1,) of what is kept.
    """
    before = depth_before(thickness, ray, offset)
    seen = before <= -math.log(LEAST_LIGHT)
    return seen.nonzero()[:, 0], _running_sum(seen)[offset]


def depth_before(thickness: Tensor, ray: Tensor, offset: Tensor) -> Tensor:
    """Optical depth (S,) float64 of the samples of its ray in front of each sample."""
    # Sums over all rays grow far beyond one ray's, hence float64.
    total = _running_sum(thickness.double())
    return total[:-1] - total[offset[:-1]][ray]


def _running_sum(values: Tensor) -> Tensor:
    """(S,) -> (S + 1,): sums of the first 0, 1, ..., S values."""
    return torch.nn.functional.pad(values.cumsum(0), (1, 0))
