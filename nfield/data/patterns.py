"""Procedural solid textures: functions of points (3, N), in world units, to linear RGB (3, N)."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Color = tuple[float, float, float]
Pattern = Callable[[Tensor], Tensor]


def plain(color: Color) -> Pattern:
    """One colour everywhere."""
    return lambda points: _color(color, points).expand(3, points.shape[1])


def checker(first: Color, second: Color, width: float) -> Pattern:
    """Cubes of alternating colours."""
    # The offset keeps cube faces off the planes through a solid's centre, where rounding would choose.
    return lambda points: _mix(
        first, second, torch.floor(points / width + 0.5).sum(0).remainder(2), points
    )


def stripes(first: Color, second: Color, width: float, axis: int = 2) -> Pattern:
    """Slabs of alternating colours across an axis."""
    return lambda points: _mix(
        first, second, torch.floor(points[axis] / width + 0.5).remainder(2), points
    )


def rings(first: Color, second: Color, width: float) -> Pattern:
    """Alternating colours by the distance to the z axis."""
    return lambda points: _mix(
        first, second, torch.floor(points[:2].norm(dim=0) / width).remainder(2), points
    )


def marble(first: Color, second: Color, width: float) -> Pattern:
    """Veins: a sine wave bent by noise."""

    def pattern(points: Tensor) -> Tensor:
        bend = noise(points / width) + 0.5 * noise(points * (2.3 / width))
        wave = torch.sin(points.sum(0) * (2 / width) + 5 * bend)
        return _mix(first, second, (0.5 + 0.5 * wave) ** 2, points)

    return pattern


def wood(first: Color, second: Color, width: float) -> Pattern:
    """Grain: wobbling rings around the z axis, with fibres along it."""

    def pattern(points: Tensor) -> Tensor:
        along = points.new_tensor([1.0, 1.0, 0.15])[:, None]
        radius = (points[:2] + 0.6).norm(dim=0) / width + 1.2 * noise(points * along / (3 * width))
        fibre = noise(points * along * (9 / width))
        year = radius - torch.floor(radius)
        return _mix(first, second, 0.75 * year * year + 0.25 * fibre, points)

    return pattern


def speckle(first: Color, second: Color, width: float) -> Pattern:
    """Spots of the second colour."""
    return lambda points: _mix(
        first, second, ((noise(points / width) - 0.6) * 12).clamp(0, 1), points
    )


def noise(points: Tensor) -> Tensor:
    """Value noise: random numbers in [0, 1] at integer points, blended smoothly: (3, N) -> (N,)."""
    cell = torch.floor(points)
    local = points - cell
    blend = local * local * (3 - 2 * local)
    x, y, z = cell.to(torch.int64)
    total = torch.zeros_like(points[0])
    for corner in range(8):
        i, j, k = corner & 1, corner >> 1 & 1, corner >> 2
        weight = math.prod(
            (blend[axis] if bit else 1 - blend[axis] for axis, bit in enumerate((i, j, k))),
            start=torch.ones_like(total),
        )
        total = total + weight * _hash(x + i, y + j, z + k).to(total.dtype)
    return total


def _hash(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """A number in [0, 1] from three integers, by multiplying and folding 32 bits."""
    bits = (x * 73856093 ^ y * 19349663 ^ z * 83492791) & 0xFFFFFFFF
    for _ in range(2):
        bits = ((bits ^ bits >> 16) * 0x45D9F3B) & 0xFFFFFFFF
    return (bits >> 8).double() / 2**24


def _color(color: Color, like: Tensor) -> Tensor:
    return like.new_tensor(color)[:, None]


def _mix(first: Color, second: Color, share: Tensor, like: Tensor) -> Tensor:
    """The second colour's share of the blend, (N,), gives (3, N)."""
    start = _color(first, like)
    return start + share * (_color(second, like) - start)
