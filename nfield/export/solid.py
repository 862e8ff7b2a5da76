"""Fitted fields as solids in the input's frame and units: what surfaces are extracted from."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

from nfield.data.mesh import Mesh
from nfield.fields.model import Model
from nfield.fields.value_model import ValueModel
from nfield.ops.contraction import to_unit_cube
from nfield.ops.march import Samples
from nfield.render.isosurface import BLOCK, MOST, RESOLUTION, Value, passing

# Least density of a solid, per half size of the scene's inner cube.
THRESHOLD = 25.0
RAY_SAMPLES = 24  # of a colour: at the renderer's steps, beginning two steps outside
_OUTSIDE = 2.0
_RAYS = 1 << 13
_POINTS = 1 << 16
Corner = tuple[float, float, float]


class Solid(Protocol):
    """What an export asks of a fitted field; points are in the input's frame.

    low, high: corners of the part of space that holds it.
    """

    low: Corner
    high: Corner

    def surface(self, cell: float) -> tuple[Value, Value]:
        """`value` and `rough` of `nfield.render.isosurface.extract`, for cells of a side."""
        ...

    def color(self, x: Tensor, normal: Tensor) -> Tensor | None:
        """sRGB ``(N, 3)`` seen at points of the surface along inward normals; None without."""
        ...

    def refusal(self) -> str:
        """Why there may be no surface, for who asked for one."""
        ...


class RadianceSolid:
    r"""Where the density of a radiance field is above a threshold.

    Formula
        value $-\ln(\sigma / threshold)$, cut to $\pm 4$; outside where the occupancy grid is
        empty, as in rendering

    Args:
        threshold: Density per unit of length of the input; 25 per half size of the scene's inner
            cube by default.
    """

    def __init__(self, model: Model, threshold: float | None = None):
        self.model = model
        bounds = model.bounds
        self.threshold = THRESHOLD / bounds.half_size if threshold is None else threshold
        self.low, self.high = _cube(bounds.center, bounds.half_size)
        self._occupied = model.occupancy.grid()

    def surface(self, cell: float) -> tuple[Value, Value]:
        """See `Solid`."""
        reach = math.sqrt(3) / 2 * BLOCK * cell / self.model.bounds.half_size
        near = _dilated(self._occupied, reach)

        def value(x: Tensor) -> Tensor:
            return -(self.density(x) / self.threshold).clamp(min=1e-30).log().clamp(-MOST, MOST)

        def rough(x: Tensor) -> Tensor:
            empty = ~_lookup(near, self._inner(x), reach)
            return torch.full((len(x),), torch.nan).masked_fill(empty, MOST)

        return value, rough

    @torch.no_grad()
    def density(self, x: Tensor) -> Tensor:
        """Density ``(N,)`` per unit of length at points ``(N, 3)``, as it is rendered."""
        density = torch.zeros(len(x))
        for which in self.occupied(x).nonzero().squeeze(1).split(_POINTS):
            density[which] = self.model.density(self._unit(x[which])) / self.model.bounds.half_size
        return density

    def occupied(self, x: Tensor) -> Tensor:
        """Whether points ``(N, 3)`` lie in cells that rendering does not pass by."""
        return _lookup(self._occupied, self._inner(x))

    @torch.no_grad()
    def color(self, x: Tensor, normal: Tensor) -> Tensor:
        """See `Solid`: a short ray is composited, which begins just outside."""
        parts = zip(x.split(_RAYS), normal.split(_RAYS))
        return torch.cat([self._color(place, -inward) for place, inward in parts])

    @torch.no_grad()
    def mean_color(self, x: Tensor) -> Tensor:
        """sRGB ``(N, 3)`` of points, the mean over views along the axes."""
        axes = torch.cat([torch.eye(3), -torch.eye(3)])
        colors = []
        for part in x.split(_POINTS):
            h = self.model.field.features(self._unit(part))
            seen = [self.model.field.color(h, d.expand(len(part), 3)) for d in axes]
            colors.append(torch.stack(seen).mean(0))
        return torch.cat(colors) if colors else torch.zeros(0, 3)

    def refusal(self) -> str:
        """See `Solid`."""
        density = self.density(_coarse(self.low, self.high))
        return (
            f"density must reach the threshold {self.threshold:.4g} somewhere, got from "
            f"{float(density.min()):.4g} to {float(density.max()):.4g}; give a lower --threshold"
        )

    def _color(self, x: Tensor, direction: Tensor) -> Tensor:
        step = self.model.occupancy.march_settings.step
        t = (torch.arange(RAY_SAMPLES) + 0.5 - _OUTSIDE) * step
        places = (x[:, None] + t[:, None] * direction[:, None]).view(-1, 3)
        kept = self.occupied(places).nonzero().squeeze(1)
        ray = torch.div(kept, RAY_SAMPLES, rounding_mode="floor")
        ends = torch.bincount(ray, minlength=len(x)).cumsum(0)
        samples = Samples(
            torch.cat([ends.new_zeros(1), ends]),
            ray.int(),
            self._unit(places[kept]),
            (t + _OUTSIDE * step).repeat(len(x))[kept],
            torch.full((len(kept),), step),
        )
        samples, h = self.model.visible(samples)
        rendered = self.model.composite(samples, direction, h)
        seen = rendered.color / rendered.opacity.clamp(min=1e-6)[:, None]
        missed = (rendered.opacity < 1e-2).nonzero().squeeze(1)
        latent = self.model.field.features(self._unit(x[missed]))
        seen[missed] = self.model.field.color(latent, direction[missed])
        return seen.clamp(0, 1)

    def _inner(self, x: Tensor) -> Tensor:
        """Points relative to the inner cube, which is [-1, 1]^3."""
        return (x - torch.tensor(self.model.bounds.center)) / self.model.bounds.half_size

    def _unit(self, x: Tensor) -> Tensor:
        bounds = self.model.bounds
        return to_unit_cube(x, bounds.center, bounds.half_size, bounds.unbounded)


class DistanceSolid:
    """Where the distance of a fitted shape is negative, or below one cell where it has no sign."""

    def __init__(self, model: ValueModel, mesh: Mesh):
        self.model, self.scale, self.center = model, mesh.scale, torch.tensor(mesh.center)
        self.level = 0.0 if mesh.signed else 1 / RESOLUTION / mesh.scale
        self.low, self.high = _cube(mesh.center, 0.5 / mesh.scale)

    def distance(self, x: Tensor) -> Tensor:
        """Distances ``(N,)`` of points ``(N, 3)``, in the input's units."""
        return self.model.values((x - self.center) * self.scale + 0.5)[:, 0] / self.scale

    def surface(self, cell: float) -> tuple[Value, Value]:
        """See `Solid`."""

        def value(x: Tensor) -> Tensor:
            return (self.distance(x) - self.level) / cell

        return value, passing(value, 1.0)

    def color(self, x: Tensor, normal: Tensor) -> None:
        """Shapes have no colours."""

    def refusal(self) -> str:
        """See `Solid`."""
        distance = self.distance(_coarse(self.low, self.high))
        return (
            f"distance must cross {self.level:.4g} somewhere, got from "
            f"{float(distance.min()):.4g} to {float(distance.max()):.4g}; fit it longer"
        )


def _cube(center: Corner, half: float) -> tuple[Corner, Corner]:
    """Lowest and highest corner."""
    x, y, z = center
    return (x - half, y - half, z - half), (x + half, y + half, z + half)


def _coarse(low: Corner, high: Corner, count: int = 64) -> Tensor:
    """Middles of `count`^3 cells of a box."""
    axes = [a + (b - a) * (torch.arange(count) + 0.5) / count for a, b in zip(low, high)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).view(-1, 3)


def _lookup(grid: Tensor, p: Tensor, reach: float = 0.0) -> Tensor:
    """Cells ``(N,)`` of nested grids at points relative to the inner cube; False beyond them.

    Args:
        reach: Distance from a point that the level must still contain.
    """
    levels, size = grid.shape[:2]
    norm = p.abs().amax(1)
    level = torch.zeros(len(p), dtype=torch.int64)
    for i in range(levels - 1):
        level += norm + reach > 2**i
    scaled = p / torch.exp2(level.float())[:, None]
    x, y, z = ((scaled + 1) * (size / 2)).long().clamp(0, size - 1).unbind(1)
    return grid[level, z, y, x] & (norm <= 2 ** (levels - 1) + reach)


def _dilated(grid: Tensor, reach: float) -> Tensor:
    """Cells with an occupied one within `reach`, each level with those inside it filled in."""
    whole = grid.float()
    size = whole.shape[1]
    inner = slice(size // 4, -(size // 4))
    for i in range(1, len(whole)):
        whole[i, inner, inner, inner] = torch.nn.functional.max_pool3d(whole[i - 1 : i], 2)[0]
    radius = math.ceil(reach / (2 / size))
    grown = torch.nn.functional.max_pool3d(whole, 2 * radius + 1, stride=1, padding=radius)
    return grown > 0
