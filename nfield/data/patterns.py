"""Procedural solid textures: functions of points (3, N), in world units, to linear RGB (3, N)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nfield.data.solids import Array, column

Color = tuple[float, float, float]
Integers = np.ndarray[Any, np.dtype[np.int64]]
Pattern = Callable[[Array], Array]


def plain(color: Color) -> Pattern:
    """One colour everywhere."""
    return lambda points: np.broadcast_to(column(color, points), points.shape)


def checker(first: Color, second: Color, width: float) -> Pattern:
    """Cubes of alternating colours."""
    # The offset keeps cube faces off the planes through a solid's centre, where rounding would
    # choose.
    return lambda points: _mix(first, second, np.floor(points / width + 0.5).sum(0) % 2, points)


def stripes(first: Color, second: Color, width: float, axis: int = 2) -> Pattern:
    """Slabs of alternating colours across an axis."""
    return lambda points: _mix(first, second, np.floor(points[axis] / width + 0.5) % 2, points)


def rings(first: Color, second: Color, width: float) -> Pattern:
    """Alternating colours by the distance to the z axis."""
    return lambda points: _mix(
        first, second, np.floor(np.hypot(points[0], points[1]) / width) % 2, points
    )


def marble(first: Color, second: Color, width: float) -> Pattern:
    """Veins: a sine wave bent by noise."""

    def pattern(points: Array) -> Array:
        bend = noise(points / width) + 0.5 * noise(points * (2.3 / width))
        wave = np.sin(points.sum(0) * (2 / width) + 5 * bend)
        return _mix(first, second, (0.5 + 0.5 * wave) ** 2, points)

    return pattern


def wood(first: Color, second: Color, width: float) -> Pattern:
    """Grain: wobbling rings around the z axis, with fibres along it."""

    def pattern(points: Array) -> Array:
        along = column((1, 1, 0.15), points)
        radius = np.hypot(points[0] + 0.6, points[1] + 0.6) / width + 1.2 * noise(
            points * along / (3 * width)
        )
        fibre = noise(points * along * (9 / width))
        year = radius - np.floor(radius)
        return _mix(first, second, 0.75 * year * year + 0.25 * fibre, points)

    return pattern


def speckle(first: Color, second: Color, width: float) -> Pattern:
    """Spots of the second colour."""
    return lambda points: _mix(
        first, second, np.clip((noise(points / width) - 0.6) * 12, 0, 1), points
    )


def noise(points: Array) -> Array:
    """Value noise: random numbers in [0, 1] at integer points, blended smoothly: (3, N) -> (N,)."""
    cell = np.floor(points)
    local = points - cell
    blend = local * local * (3 - 2 * local)
    x, y, z = cell.astype(np.int64)
    total = np.zeros_like(points[0])
    for corner in range(8):
        i, j, k = corner & 1, corner >> 1 & 1, corner >> 2
        weight = np.ones_like(total)
        for share, bit in zip(blend, (i, j, k), strict=True):
            weight *= share if bit else 1 - share
        total += weight * _hash(x + i, y + j, z + k).astype(total.dtype)
    return total


def _hash(x: Integers, y: Integers, z: Integers) -> Array:
    """A number in [0, 1] from three integers, by multiplying and folding 32 bits."""
    bits = (x * 73856093 ^ y * 19349663 ^ z * 83492791) & 0xFFFFFFFF
    for _ in range(2):
        bits = ((bits ^ bits >> 16) * 0x45D9F3B) & 0xFFFFFFFF
    return (bits >> 8) / 2**24


def _mix(first: Color, second: Color, share: Array, like: Array) -> Array:
    """The second colour's share of the blend, (N,), gives (3, N)."""
    start = column(first, like)
    return start + share * (column(second, like) - start)
