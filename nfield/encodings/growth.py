"""Coarse to fine: a grid's vertices resampled to a finer grid."""

from __future__ import annotations

import torch
from torch import Tensor


def resample(vertices: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Interpolate vertices at i / (R - 1) linearly to finer axes, one axis after the other.

    Positions are exact fractions: where R_new - 1 is a multiple of R_old - 1, every old vertex is
    kept to the bit, and the interpolated function is the same up to rounding. Otherwise the new
    function agrees with the old one at the new vertices.

    Args:
        vertices: (..., C).
        shape: new sizes of all axes; channels and untouched axes keep theirs.
    """
    for axis, (old, new) in enumerate(zip(vertices.shape, shape, strict=True)):
        if old == new:
            continue
        position = torch.arange(new, device=vertices.device) * (old - 1)
        cell = (position // (new - 1)).clamp(max=old - 2)
        fraction = (position - cell * (new - 1)).double() / (new - 1)
        column = fraction.to(vertices.dtype).view(-1, *[1] * (vertices.dim() - axis - 1))
        low = vertices.index_select(axis, cell)
        vertices = low.lerp_(vertices.index_select(axis, cell + 1), column)
    return vertices
