"""Solids of the built-in scenes: ellipsoids, boxes and tubes, each placed by a rotation, a size and
a centre.

All vectors are stored as columns, (3, N), so that one coordinate of all points is contiguous.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# Distances along a ray below this are the surface that the ray starts from.
NEAREST = 1e-4
_IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
Vector = tuple[float, float, float]
Array = np.ndarray[Any, np.dtype[np.floating[Any]]]


@dataclass(frozen=True)
class Material:
    """How a surface looks: `albedo` maps points in the solid's axes (3, N) to linear RGB (3, N).

    gloss: mirror reflectance at normal incidence, 0 for a matte surface; metal tints it by the
    albedo.
    """

    albedo: Callable[[Array], Array]
    gloss: float = 0.0
    metal: bool = False


@dataclass(frozen=True)
class Solid:
    """One solid: in its own axes, scaled by `size`, it is the unit one of its kind.

    kind: "ellipsoid" |p| <= 1; "box" |p|_inf <= 1; "tube" |z| <= 1 and inner^2 <= x^2 + y^2 <= 1.
    axes: rows are the solid's x, y and z axes in the world.
    """

    kind: str
    center: Vector
    size: Vector
    material: Material
    axes: tuple[Vector, Vector, Vector] = _IDENTITY
    inner: float = 0.0

    @property
    def radius(self) -> float:
        """Radius of a sphere around the centre that holds the solid."""
        x, y, z = self.size
        corner = {"ellipsoid": max(x, y, z) ** 2, "box": x * x + y * y + z * z}
        return float(corner.get(self.kind, max(x, y) ** 2 + z * z)) ** 0.5

    def unscaled(self, points: Array) -> Array:
        """World points (3, N) in the solid's axes, in world units."""
        return rotate(self.axes, points - column(self.center, points))

    def distance(self, origin: Array, direction: Array) -> Array:
        """Distance along each ray to the surface, infinite on a miss: (3, N), (3, N) -> (N,)."""
        size = column(self.size, direction)
        start = self.unscaled(origin) / size
        step = rotate(self.axes, direction) / size
        nearest = np.full_like(step[0], np.inf)
        # A miss is a NaN, which no comparison lets through.
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            for t in _CROSSINGS[self.kind](start, step, self.inner):
                np.copyto(nearest, t, where=(t > NEAREST) & (t < nearest))
        return nearest

    def normal(self, points: Array) -> Array:
        """Outward unit normals (3, N) at world points on the surface."""
        size = column(self.size, points)
        unit = self.unscaled(points) / size
        gradient = _NORMALS[self.kind](unit, size, self.inner) / size
        normal = rotate(tuple(zip(*self.axes, strict=True)), gradient)
        return normal / np.sqrt(dot(normal, normal))


def column(vector: Sequence[float], like: Array) -> Array:
    """A vector as (3, 1), in the precision of another array."""
    return np.array(vector, dtype=like.dtype)[:, None]


def dot(a: Array, b: Array) -> Array:
    """Products of columns, (3, N), (3, N) -> (N,), summed in a fixed order."""
    total: Array = a[0] * b[0]
    total += a[1] * b[1]
    total += a[2] * b[2]
    return total


def rotate(rows: Sequence[Vector], points: Array) -> Array:
    """A 3x3 matrix times columns (3, N), in a fixed order: matrix libraries choose theirs by the
    machine.
    """
    return np.stack([dot(column(row, points), points) for row in rows])


def _quadric(start: Array, step: Array, radius: float) -> tuple[Array, Array]:
    """Both distances to |p| = radius, NaN on a miss; start and step (2 or 3, N).

    The discriminant is taken at the point nearest to the centre, which loses no digits far away.
    """
    a = (step * step).sum(0)
    middle = -(start * step).sum(0) / a
    nearest = start + middle * step
    half = np.sqrt((radius * radius - (nearest * nearest).sum(0)) / a)
    return middle - half, middle + half


def _ellipsoid(start: Array, step: Array, inner: float) -> tuple[Array, ...]:
    return _quadric(start, step, 1.0)


def _box(start: Array, step: Array, inner: float) -> tuple[Array, ...]:
    a, b = (-1 - start) / step, (1 - start) / step
    near, far = np.minimum(a, b).max(0), np.maximum(a, b).min(0)
    miss = near > far
    near[miss] = far[miss] = np.nan
    return near, far


def _tube(start: Array, step: Array, inner: float) -> tuple[Array, ...]:
    walls = [_quadric(start[:2], step[:2], radius) for radius in (1.0, inner) if radius > 0]
    crossings = []
    for t in (t for pair in walls for t in pair):
        t[np.abs(start[2] + t * step[2]) > 1] = np.nan
        crossings.append(t)
    for side in (-1, 1):
        t = (side - start[2]) / step[2]
        square = ((start[:2] + t * step[:2]) ** 2).sum(0)
        t[(square > 1) | (square < inner * inner)] = np.nan
        crossings.append(t)
    return tuple(crossings)


def _ellipsoid_normal(unit: Array, size: Array, inner: float) -> Array:
    return unit


def _box_normal(unit: Array, size: Array, inner: float) -> Array:
    """The face is the one nearest in world units."""
    face = ((1 - np.abs(unit)) * size).argmin(0)
    return np.where(np.arange(3)[:, None] == face, np.sign(unit), 0).astype(unit.dtype)


def _tube_normal(unit: Array, size: Array, inner: float) -> Array:
    radius = np.sqrt((unit[:2] * unit[:2]).sum(0))
    gaps = np.abs(np.stack([1 - radius, 1 - np.abs(unit[2]), radius - inner]))
    gaps *= size[[0, 2, 0]]
    face = gaps.argmin(0) if inner > 0 else gaps[:2].argmin(0)
    outward = np.array([1, 0, -1], dtype=unit.dtype)[face]
    return np.stack([unit[0] * outward, unit[1] * outward, np.sign(unit[2]) * (face == 1)])


_CROSSINGS = {"ellipsoid": _ellipsoid, "box": _box, "tube": _tube}
_NORMALS = {"ellipsoid": _ellipsoid_normal, "box": _box_normal, "tube": _tube_normal}
