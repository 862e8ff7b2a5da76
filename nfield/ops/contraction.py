"""World points to the field's unit cube, contracted where the scene has no bounds."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import derivative, empty, native, placed

Corner = tuple[float, float, float]


def _gradient(
    points: Tensor, dx: Tensor, center: Corner, half_size: float, unbounded: bool
) -> Tensor:
    r"""With $n = |p|_\infty = |p_j|$ outside: $q = f p$, $f = 2/n - 1/n^2$, and so
    $\partial L/\partial p = f\,dq + \mathrm{sign}(p_j)\,f'(n)\,(p \cdot dq)\,e_j$.
    """
    if not unbounded:
        return dx / (2 * half_size)
    p = (points - points.new_tensor(center)) / half_size
    x, y, z = (p * dx).unbind(1)
    norm, axis = p.abs().max(1, keepdim=True)
    outside = norm > 1
    norm = norm.clamp(min=1)
    factor = (2 - 1 / norm) / norm
    slope = 2 * (1 / norm - 1) / norm.square()
    along = torch.where(outside, p.gather(1, axis).sign() * slope * (x + y + z)[:, None], 0.0)
    return (factor * dx).scatter_add(1, axis, along) / (4 * half_size)


_derivative = derivative("to_unit_cube", _gradient)


def _mapped(points: Tensor, center: Corner, half_size: float, unbounded: bool) -> Tensor:
    out = empty(*points.shape)
    native.unit_cube(center, half_size, unbounded, points, out)
    return out


class _ToUnitCube(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, points: Tensor, center: Corner, half_size: float, unbounded: bool
    ) -> Tensor:
        points = check.floats("to_unit_cube", "points", points, None, 3)
        ctx.save_for_backward(points)
        ctx.where = (center, half_size, unbounded)
        return _mapped(points, *ctx.where)

    @staticmethod
    def backward(ctx: Any, dx: Tensor) -> Any:
        return _derivative(*ctx.saved_tensors, dx, *ctx.where), None, None, None


@placed
def to_unit_cube(points: Tensor, center: Corner, half_size: float, unbounded: bool) -> Tensor:
    r"""Where the field is asked for a world point.

    Formula
        $p = (x - c) / s$; bounded: $p / 2 + 1/2$; unbounded: $q / 4 + 1/2$ with $q = p$ inside
        $|p|_\infty \le 1$ and $q = (2 - 1/|p|_\infty)\, p / |p|_\infty$ outside
    Shape
        points ``(N, 3)`` float32 -> ``(N, 3)`` float32, in (0, 1) wherever the scene holds matter
    Raises
        TypeError, ValueError: another dtype, shape or device.
        RuntimeError: on second derivatives.
    Source
        Barron et al. 2022, Mip-NeRF 360, arXiv:2111.12077, Eq. 10, in the maximum norm;
        csrc/math/contraction.h
    """
    out: Tensor = _ToUnitCube.apply(points, center, half_size, unbounded)
    return out


def from_unit_cube(x: Tensor, center: Corner, half_size: float, unbounded: bool) -> Tensor:
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
