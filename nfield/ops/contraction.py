"""World points to the field's unit cube, contracted where the scene has no bounds."""

from __future__ import annotations

from torch import Tensor

from nfield.ops import check
from nfield.ops.native import empty, native


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
