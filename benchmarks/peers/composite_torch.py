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
    weight = weights(sigma, dt, ray, offset)
    color, opacity, depth = (
        torch.segment_reduce(values, "sum", offsets=offset, axis=0)
        for values in (weight[:, None] * rgb, weight, weight * t)
    )
    return color, opacity, depth


def weights(sigma: Tensor, dt: Tensor, ray: Tensor, offset: Tensor) -> Tensor:
    """Share (S,) of its ray's light that each sample stops."""
    absorption = sigma * dt
    before = depth_before(absorption, ray, offset).float()
    return torch.exp(-before) * (1 - torch.exp(-absorption))


def distortion(weight: Tensor, s: Tensor, ds: Tensor, ray: Tensor, offset: Tensor) -> Tensor:
    """Mean spread of the rays' light (Mip-NeRF 360, Eq. 15).

    Shape: weight, s, ds (S,), ray (S,) int64, offset (R + 1,) int64 -> ().
    """
    before, place = (depth_before(v, ray, offset).float() for v in (weight, weight * s))
    total = (weight * (2 * (s * before - place) + weight * ds / 3)).sum()
    return total / (len(offset) - 1)
