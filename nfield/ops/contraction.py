"""World points to the field's unit cube, contracted where the scene has no bounds."""

from __future__ import annotations

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import empty, native, placed


@placed
def to_unit_cube(
    points: Tensor, center: tuple[float, float, float], half_size: float, unbounded: bool
) -> Tensor:
    r"""Where the field is asked for a world point.

    Formula
        $p = (x - c) / s$; bounded: $p / 2 + 1/2$; unbounded: $q / 4 + 1/2$ with $q = p$ inside
        $|p|_\infty \le 1$ and $q = (2 - 1/|p|_\infty)\, p / |p|_\infty$ outside
    Shape
        points ``(N, 3)`` float32 -> ``(N, 3)`` float32, in (0, 1) wherever the scene holds matter
    Source
        Barron et al. 2022, Mip-NeRF 360, arXiv:2111.12077, Eq. 10, in the maximum norm;
        csrc/math/contraction.h
    """
    points = check.floats("to_unit_cube", "points", points, None, 3)
    out = empty(*points.shape)
    native.unit_cube(center, half_size, unbounded, points, out)
    return out


def from_unit_cube(
    x: Tensor, center: tuple[float, float, float], half_size: float, unbounded: bool
) -> Tensor:
    r"""The world point at which the field is asked for ``x``: inverse of `to_unit_cube`.

    Formula
        bounded: $p = 2 x - 1$; unbounded: $q = 4 x - 2$, $p = q$ inside $|q|_\infty \le 1$ and
        $p = q / (|q|_\infty (2 - |q|_\infty))$ outside; the point is $s p + c$
    Shape
        x ``(N, 3)`` float32 -> ``(N, 3)`` float32
    """
    p = 4 * x - 2 if unbounded else 2 * x - 1
    if unbounded:
        norm = p.abs().amax(1, keepdim=True).clamp(min=1)
        p = p / (norm * (2 - norm).clamp(min=1e-6))
    return p * half_size + torch.tensor(center, device=x.device)
