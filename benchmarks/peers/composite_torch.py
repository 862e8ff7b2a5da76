"""Emission-absorption compositing of packed samples in PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.peers.visibility_torch import depth_before


def composite(
    sigma: Tensor, rgb: Tensor, t: Tensor, dt: Tensor, ray: Tensor, offset: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Colour, opacity and depth of every ray.

    Formula: w_i = exp(-sum_{j<i} sigma_j dt_j) (1 - exp(-sigma_i dt_i)); colour = sum w rgb,
        opacity = sum w, depth = sum w t.
    Shape: sigma, t, dt (S,), rgb (S, 3), ray (S,) int64 index of the ray of each sample,
        offset (R + 1,) int64 -> (R, 3), (R,), (R,).
    """
    absorption = sigma * dt
    before = depth_before(absorption, ray, offset).float()
    weight = torch.exp(-before) * (1 - torch.exp(-absorption))
    color, opacity, depth = (
        torch.segment_reduce(values, "sum", offsets=offset, axis=0)
        for values in (weight[:, None] * rgb, weight, weight * t)
    )
    return color, opacity, depth
