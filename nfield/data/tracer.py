"""Ray tracing of solids: nearest hits, sunlight with shadows, sky light, and mirror reflections of
an analytic sky.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nfield.data.solids import Array, Solid, column, dot

_SUN = (0.4512, -0.5515, 0.7016)  # unit
_SUNLIGHT = (0.97, 0.90, 0.80)
_GLOW = (2.3, 2.15, 1.9)
_ZENITH = (0.16, 0.33, 0.72)
_HORIZON = (0.85, 0.88, 0.92)
_OVERHEAD = (0.47, 0.48, 0.51)
_GROUND = (0.31, 0.24, 0.18)
# Rays start this far above the surface that they leave, to clear its own rounding.
_LIFT = 1e-3


@dataclass(frozen=True)
class Hits:
    """What rays hit: distance (N,), infinite on a miss; solid (N,) int64, -1 on a miss."""

    distance: Array
    solid: Any


@dataclass(frozen=True)
class Surface:
    """The surface at M points: position, normal facing the viewer, linear albedo (3, M); gloss
    (M,), metal (M,) bool.
    """

    position: Array
    normal: Array
    albedo: Array
    gloss: Array
    metal: Any


def trace(solids: Sequence[Solid], origin: Array, direction: Array) -> Hits:
    """The nearest hit of each ray: origin (3, N), unit direction (3, N)."""
    distance = np.full_like(direction[0], np.inf)
    found = np.full(distance.shape, -1)
    for k in _within(solids, origin, direction):
        solid = solids[k]
        rays = _near(solid, origin, direction).nonzero()[0]
        if len(rays) == 0:
            continue
        t = solid.distance(origin[:, rays], direction[:, rays])
        closer = t < distance[rays]
        distance[rays[closer]] = t[closer]
        found[rays[closer]] = k
    return Hits(distance, found)


def surface(solids: Sequence[Solid], hits: Hits, origin: Array, direction: Array) -> Surface:
    """The surface where rays hit; every ray given must hit."""
    position = origin + hits.distance * direction
    normal, albedo = np.empty_like(position), np.empty_like(position)
    gloss = np.zeros_like(hits.distance)
    metal = np.zeros(hits.distance.shape, dtype=bool)
    for k in np.unique(hits.solid):
        solid, rays = solids[k], (hits.solid == k).nonzero()[0]
        points = position[:, rays]
        normal[:, rays] = solid.normal(points)
        albedo[:, rays] = solid.material.albedo(solid.unscaled(points))
        gloss[rays] = solid.material.gloss
        metal[rays] = solid.material.metal
    normal *= np.where(dot(normal, direction) > 0, -1, 1).astype(normal.dtype)
    return Surface(position, normal, albedo, gloss, metal)


def shade(solids: Sequence[Solid], seen: Surface, direction: Array, *, bounces: int = 1) -> Array:
    """Linear radiance (3, M) leaving a surface towards where the rays came from.

    Formula: matte albedo (sky light + sun max(0, n.s) visible); glossy surfaces blend in what the
    mirror direction sees by Schlick's reflectance F0 + (1 - F0) (1 - n.v)^5.
    """
    start = seen.position + _LIFT * seen.normal
    sun = column(_SUN, start)
    cosine = np.maximum(dot(seen.normal, sun), 0)
    lit = cosine.nonzero()[0]
    shadow = trace(solids, start[:, lit], np.broadcast_to(sun, (3, len(lit)))).solid >= 0
    cosine[lit[shadow]] = 0
    sky = _blend(column(_GROUND, start), column(_OVERHEAD, start), 0.5 + 0.5 * seen.normal[2])
    color: Array = seen.albedo * (sky + column(_SUNLIGHT, start) * cosine)
    glossy = seen.gloss.nonzero()[0]
    if len(glossy) == 0 or bounces == 0:
        return color
    normal, ray = seen.normal[:, glossy], direction[:, glossy]
    facing = np.maximum(-dot(normal, ray), 0)
    mirrored = ray + 2 * facing * normal
    incoming = radiance(solids, start[:, glossy], mirrored, bounces=bounces - 1)
    metal = seen.metal[glossy]
    base = np.where(metal, seen.albedo[:, glossy], 1) * seen.gloss[glossy]
    matte = np.where(metal, 0, color[:, glossy])
    color[:, glossy] = _blend(matte, incoming, base + (1 - base) * (1 - facing) ** 5)
    return color


def radiance(solids: Sequence[Solid], origin: Array, direction: Array, *, bounces: int) -> Array:
    """Linear radiance (3, N) that comes in along rays: from solids, or else from the sky."""
    color = sky_radiance(direction)
    hits = trace(solids, origin, direction)
    found = (hits.solid >= 0).nonzero()[0]
    if len(found) > 0:
        hits = Hits(hits.distance[found], hits.solid[found])
        ray = direction[:, found]
        seen = surface(solids, hits, origin[:, found], ray)
        color[:, found] = shade(solids, seen, ray, bounces=bounces)
    return color


def sky_radiance(direction: Array) -> Array:
    """The analytic sky, (3, N) -> (3, N): ground, horizon, zenith, and a sun with a glow."""
    height = direction[2]
    horizon, zenith = column(_HORIZON, direction), column(_ZENITH, direction)
    above = _blend(horizon, zenith, np.sqrt(np.maximum(height, 0)))
    # A soft horizon, about four degrees wide: a hard one would alias in small mirrors.
    sky = _blend(column(_GROUND, direction), above, np.clip(0.5 + 14 * height, 0, 1))
    cosine = np.maximum(dot(direction, column(_SUN, direction)), 0)
    return sky + column(_GLOW, direction) * (4 * cosine**400 + 0.35 * cosine**24)


def _within(solids: Sequence[Solid], origin: Array, direction: Array) -> Any:
    """Indices of the solids that some of the rays may hit.

    The rays lie in a cone widened by the ball of their origins; a solid counts when its bounding
    sphere reaches into it.
    """
    if direction.shape[1] == 0:
        return []
    start = origin.mean(1, keepdims=True)
    spread = np.sqrt(((origin - start) ** 2).sum(0).max())
    axis = direction.mean(1, keepdims=True)
    axis /= np.sqrt((axis * axis).sum()) + 1e-12
    angle = np.arccos(np.clip((axis * direction).sum(0).min(), -1, 1)) + 1e-3
    offset = np.array([solid.center for solid in solids]).T - start
    distance = np.sqrt((offset * offset).sum(0)) + 1e-12
    reach = (np.array([solid.radius for solid in solids]) + spread) * 1.001 + 1e-3
    toward = np.arccos(np.clip((axis * offset).sum(0) / distance, -1, 1))
    touches = toward <= angle + np.arcsin(np.minimum(reach / distance, 1))
    return ((reach >= distance) | touches).nonzero()[0]


def _near(solid: Solid, origin: Array, direction: Array) -> Any:
    """Whether each ray passes the solid's bounding sphere, (N,) bool, with room for rounding."""
    offset = column(solid.center, origin) - origin
    along = dot(offset, direction)
    radius = solid.radius * 1.001 + 1e-3
    return (dot(offset, offset) - along * along <= radius * radius) & (along > -radius)


def _blend(first: Array, second: Array, share: Array) -> Array:
    return first + share * (second - first)
