"""Ray tracing of solids: nearest hits, sunlight with shadows, sky light, and mirror reflections of an analytic sky."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nfield.data.solids import Solid

_SUN = (0.45, -0.55, 0.70)
_SUN_COLOR = (2.3, 2.15, 1.9)
_ZENITH = (0.20, 0.36, 0.70)
_HORIZON = (0.85, 0.88, 0.92)
_GROUND = (0.30, 0.25, 0.20)
# Rays start this far above the surface that they leave, to clear its own rounding.
_LIFT = 1e-3


@dataclass(frozen=True)
class Hits:
    """What rays hit: distance (N,), infinite on a miss; solid (N,) int64, -1 on a miss."""

    distance: Tensor
    solid: Tensor


@dataclass(frozen=True)
class Surface:
    """The surface at M points: position, normal facing the viewer, linear albedo (3, M); gloss (M,), metal (M,) bool."""

    position: Tensor
    normal: Tensor
    albedo: Tensor
    gloss: Tensor
    metal: Tensor


def trace(solids: Sequence[Solid], origin: Tensor, direction: Tensor) -> Hits:
    """The nearest hit of each ray: origin (3, N), unit direction (3, N)."""
    distance = torch.full_like(direction[0], torch.inf)
    solid = torch.full(distance.shape, -1, dtype=torch.int64)
    for k, near in enumerate(_near(solids, origin, direction)):
        rays = near.nonzero().squeeze(1)
        t = solids[k].distance(origin[:, rays], direction[:, rays])
        closer = t < distance[rays]
        distance[rays[closer]] = t[closer]
        solid[rays[closer]] = k
    return Hits(distance, solid)


def surface(solids: Sequence[Solid], hits: Hits, origin: Tensor, direction: Tensor) -> Surface:
    """The surface where rays hit; every ray given must hit."""
    position = origin + hits.distance * direction
    normal, albedo = torch.empty_like(position), torch.empty_like(position)
    gloss = torch.zeros_like(hits.distance)
    metal = torch.zeros(hits.distance.shape, dtype=torch.bool)
    for k, solid in enumerate(solids):
        rays = (hits.solid == k).nonzero().squeeze(1)
        if len(rays) == 0:
            continue
        points = position[:, rays]
        normal[:, rays] = solid.normal(points)
        albedo[:, rays] = solid.material.albedo(solid.unscaled(points))
        gloss[rays] = solid.material.gloss
        metal[rays] = solid.material.metal
    facing = torch.where((normal * direction).sum(0) > 0, -1.0, 1.0).to(normal)
    return Surface(position, normal * facing, albedo, gloss, metal)


def shade(solids: Sequence[Solid], seen: Surface, direction: Tensor, *, bounces: int = 1) -> Tensor:
    """Linear radiance (3, M) leaving a surface towards where the rays came from.

    Formula: matte albedo (sky light + sun max(0, n.s) visible); glossy surfaces blend in what the mirror direction sees by
    Schlick's reflectance F0 + (1 - F0) (1 - n.v)^5.
    """
    start = seen.position + _LIFT * seen.normal
    sun = _vector(_SUN, start)
    sun = sun / sun.norm()
    cosine = (seen.normal * sun).sum(0).clamp(min=0)
    lit = (cosine > 0).nonzero().squeeze(1)
    shadow = trace(solids, start[:, lit], sun.expand(3, len(lit))).solid >= 0
    cosine[lit[shadow]] = 0
    up = 0.5 + 0.5 * seen.normal[2]
    sky = _blend(_vector(_GROUND, up), 0.55 * _vector(_HORIZON, up), up)
    color = seen.albedo * (sky + 0.42 * _vector(_SUN_COLOR, start) * cosine)
    glossy = (seen.gloss > 0).nonzero().squeeze(1)
    if len(glossy) == 0 or bounces == 0:
        return color
    normal, ray = seen.normal[:, glossy], direction[:, glossy]
    facing = -(normal * ray).sum(0).clamp(max=0)
    mirrored = ray + 2 * facing * normal
    incoming = radiance(solids, start[:, glossy], mirrored, bounces=bounces - 1)
    metal = seen.metal[glossy]
    base = torch.where(metal, seen.albedo[:, glossy], torch.ones_like(mirrored)) * seen.gloss[glossy]
    share = base + (1 - base) * (1 - facing) ** 5
    matte = torch.where(metal, torch.zeros_like(mirrored), color[:, glossy])
    color[:, glossy] = _blend(matte, incoming, share)
    return color


def radiance(solids: Sequence[Solid], origin: Tensor, direction: Tensor, *, bounces: int) -> Tensor:
    """Linear radiance (3, N) that comes in along rays: from solids, or else from the sky."""
    color = sky_radiance(direction)
    hits = trace(solids, origin, direction)
    found = (hits.solid >= 0).nonzero().squeeze(1)
    if len(found) > 0:
        hits = Hits(hits.distance[found], hits.solid[found])
        ray = direction[:, found]
        seen = surface(solids, hits, origin[:, found], ray)
        color[:, found] = shade(solids, seen, ray, bounces=bounces)
    return color


def sky_radiance(direction: Tensor) -> Tensor:
    """The analytic sky, (3, N) -> (3, N): ground, horizon, zenith, and a sun with a glow."""
    height = direction[2]
    above = _blend(_vector(_HORIZON, height), _vector(_ZENITH, height), height.clamp(min=0).sqrt())
    # A soft horizon, about four degrees wide: a hard one would alias in small mirrors.
    sky = _blend(_vector(_GROUND, height), above, (0.5 + 14 * height).clamp(0, 1))
    sun = _vector(_SUN, height)
    cosine = (direction * (sun / sun.norm())).sum(0).clamp(min=0)
    return sky + _vector(_SUN_COLOR, height) * (4 * cosine**400 + 0.35 * cosine**24)


def _near(solids: Sequence[Solid], origin: Tensor, direction: Tensor) -> Tensor:
    """Whether the line of each ray passes each solid's bounding sphere, (K, N) bool, with room for rounding."""
    center = torch.tensor([solid.center for solid in solids]).to(origin)
    radius = torch.tensor([solid.radius for solid in solids]).to(origin)[:, None] * 1.001 + 1e-3
    along = center @ direction - (origin * direction).sum(0)
    square = (center * center).sum(1)[:, None] - 2 * (center @ origin) + (origin * origin).sum(0)
    return (square - along * along <= radius * radius) & (along > -radius)


def _vector(value: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(value).to(like)[:, None]


def _blend(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    return first + share * (second - first)
