"""Solids of the built-in scenes: ellipsoids, boxes and tubes, each placed by a rotation, a size and a centre.

All vectors are stored as columns, (3, N), so that one coordinate of all points is contiguous.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

# Distances along a ray below this are the surface that the ray starts from.
NEAREST = 1e-4
_IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Material:
    """How a surface looks: `albedo` maps points in the solid's axes (3, N) to linear RGB (3, N).

    gloss: mirror reflectance at normal incidence, 0 for a matte surface; metal tints it by the albedo.
    """

    albedo: Callable[[Tensor], Tensor]
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

    def unscaled(self, points: Tensor) -> Tensor:
        """World points (3, N) in the solid's axes, in world units."""
        return self._axes(points) @ (points - self._center(points))

    def distance(self, origin: Tensor, direction: Tensor) -> Tensor:
        """Distance along each ray to the surface, infinite on a miss: (3, N), (3, N) -> (N,)."""
        size = direction.new_tensor(self.size)[:, None]
        start = self.unscaled(origin) / size
        step = (self._axes(direction) @ direction) / size
        nearest = torch.full_like(step[0], torch.inf)
        for t in _CROSSINGS[self.kind](start, step, self.inner):
            nearest = torch.where((t > NEAREST) & (t < nearest), t, nearest)
        return nearest

    def normal(self, points: Tensor) -> Tensor:
        """Outward unit normals (3, N) at world points on the surface."""
        size = points.new_tensor(self.size)[:, None]
        unit = self.unscaled(points) / size
        gradient = _NORMALS[self.kind](unit, size, self.inner) / size
        normal = self._axes(points).T @ gradient
        return normal / normal.norm(dim=0)

    def _axes(self, like: Tensor) -> Tensor:
        return like.new_tensor(self.axes)

    def _center(self, like: Tensor) -> Tensor:
        return like.new_tensor(self.center)[:, None]


def _quadric(start: Tensor, step: Tensor, radius: float) -> tuple[Tensor, Tensor]:
    """Both distances to |p| = radius, NaN on a miss.

    The discriminant is taken at the point nearest to the centre, which loses no digits far from it.
    """
    a = (step * step).sum(0)
    middle = -(start * step).sum(0) / a
    nearest = start + middle * step
    half = torch.sqrt((radius * radius - (nearest * nearest).sum(0)) / a)
    return middle - half, middle + half


def _ellipsoid(start: Tensor, step: Tensor, inner: float) -> tuple[Tensor, ...]:
    return _quadric(start, step, 1.0)


def _box(start: Tensor, step: Tensor, inner: float) -> tuple[Tensor, ...]:
    step = torch.where(step.abs() < 1e-12, torch.full_like(step, 1e-12), step)
    a, b = (-1 - start) / step, (1 - start) / step
    near, far = torch.minimum(a, b).amax(0), torch.maximum(a, b).amin(0)
    miss = near > far
    return near.masked_fill(miss, torch.nan), far.masked_fill(miss, torch.nan)


def _tube(start: Tensor, step: Tensor, inner: float) -> tuple[Tensor, ...]:
    walls = [_quadric(start[:2], step[:2], radius) for radius in (1.0, inner) if radius > 0]
    crossings = []
    for t in (t for pair in walls for t in pair):
        outside = (start[2] + t * step[2]).abs() > 1
        crossings.append(t.masked_fill(outside, torch.nan))
    for side in (-1.0, 1.0):
        t = (side - start[2]) / step[2]
        square = ((start[:2] + t * step[:2]) ** 2).sum(0)
        crossings.append(t.masked_fill((square > 1) | (square < inner * inner), torch.nan))
    return tuple(crossings)


def _ellipsoid_normal(unit: Tensor, size: Tensor, inner: float) -> Tensor:
    return unit


def _box_normal(unit: Tensor, size: Tensor, inner: float) -> Tensor:
    """The face is the one nearest in world units."""
    face = ((1 - unit.abs()) * size).argmin(0)
    return torch.zeros_like(unit).scatter_(0, face[None], unit.gather(0, face[None]).sign())


def _tube_normal(unit: Tensor, size: Tensor, inner: float) -> Tensor:
    radius = (unit[:2] * unit[:2]).sum(0).sqrt()
    width = size[:2].amin()
    gaps = torch.stack(
        [(1 - radius).abs() * width, (1 - unit[2].abs()).abs() * size[2], (radius - inner).abs() * width]
    )
    face = gaps.argmin(0) if inner > 0 else gaps[:2].argmin(0)
    outward = torch.where(face == 2, -1.0, 1.0).to(unit) * (face != 1)
    return torch.cat([unit[:2] * outward, (unit[2].sign() * (face == 1))[None]])


_CROSSINGS = {"ellipsoid": _ellipsoid, "box": _box, "tube": _tube}
_NORMALS = {"ellipsoid": _ellipsoid_normal, "box": _box_normal, "tube": _tube_normal}
