"""Occupancy grid and packed ray marching in PyTorch.

Model space is (x - center) / half_size, the inner cube [-1, 1]^3. Level l of the grid covers
[-2^l, 2^l]^3; a point belongs to the smallest level that contains it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from nfield.config import Occupancy as Settings
from nfield.render.bounds import Bounds

CONE = 1 / 64  # growth of the steps with distance in unbounded scenes
CELLS = 1 << 16  # looked at in one update of the occupancy grid
NEAR = 0.1  # least distance of a sample there, in half sizes of the inner cube


class Samples(NamedTuple):
    """Packed samples: x (S, 3) in the unit cube, t and dt (S,), ray (S,) int64, offset (R + 1,)."""

    x: Tensor
    t: Tensor
    dt: Tensor
    ray: Tensor
    offset: Tensor

    def take(self, index: Tensor, offset: Tensor) -> Samples:
        """The samples of `index`, packed as `offset` says."""
        return Samples(self.x[index], self.t[index], self.dt[index], self.ray[index], offset)

    def within(self, most: int) -> Samples:
        """Of the rays from the first on, all that have at most `most` samples together."""
        rays = int((self.offset <= most).sum()) - 1
        end = int(self.offset[rays])
        x, t, dt, ray = (values[:end] for values in self[:4])
        return Samples(x, t, dt, ray, self.offset[: rays + 1])


class Space:
    """The inner cube, the contraction around it, and the distances at which rays are sampled.

    Formula: bounded, t = entry + s step with s = 0, 1, ... shifted by the jitter; unbounded, steps
        grow as t cone once that is larger: t = step / cone (1 + cone)^(s - 1 / cone).
    """

    def __init__(self, bounds: Bounds, *, levels: int, steps: int) -> None:
        half_size = bounds.half_size
        self.center, self.half_size = torch.tensor(bounds.center), half_size
        self.levels = levels if bounds.unbounded else 1
        self.cone = CONE if bounds.unbounded else 0.0
        self.near = NEAR * half_size if bounds.unbounded else 0.0
        self.step = 2 * math.sqrt(3) * half_size / steps
        self.outer = 2.0 ** (self.levels - 1)  # half size of the outermost cube, model units
        self.count = steps
        if self.cone:
            farthest = 2 * math.sqrt(3) * self.outer * half_size
            grown = math.log(farthest * self.cone / self.step) / math.log1p(self.cone)
            self.count = math.ceil(1 / self.cone + grown)

    def to_unit_cube(self, p: Tensor) -> Tensor:
        """Model space (N, 3) to the field's [0, 1]^3; contracted when there is a cone.

        Source: Barron et al., "Mip-NeRF 360", CVPR 2022, Eq. 10, in the maximum norm.
        """
        if not self.cone:
            return 0.5 * p + 0.5
        norm = p.abs().amax(-1, keepdim=True).clamp(min=1.0)
        return 0.25 * (2 - 1 / norm) / norm * p + 0.5

    def distance(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """Distance from the start of the ray, and step, of (fractional) sample numbers."""
        if not self.cone:
            return s * self.step, torch.full_like(s, self.step)
        knee = 1 / self.cone
        grown = (1 + self.cone) ** (s - knee).clamp(min=0)
        return torch.where(s < knee, s, knee * grown) * self.step, grown * self.step

    def entry(self, origin: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
        """Distances (R,) between which world rays are inside the outermost cube."""
        inverse = 1 / torch.where(direction.abs() < 1e-9, 1e-9, direction)
        reach = self.outer * self.half_size
        low = (self.center - reach - origin) * inverse
        high = (self.center + reach - origin) * inverse
        near = torch.minimum(low, high).amax(1).clamp(min=self.near)
        return near, torch.maximum(low, high).amin(1)


class Occupancy:
    """Decaying maximum of the optical thickness of a step in each cell, and one bit per cell.

    Cells outside the visual hull, and those that a smaller level covers, are left out.
    """

    def __init__(self, space: Space, hull: np.ndarray | None, settings: Settings) -> None:
        self.space, self.settings = space, settings
        g = self.resolution = settings.resolution
        possible = torch.ones(space.levels, g, g, g, dtype=torch.bool)
        possible[1:, g // 4 : -g // 4, g // 4 : -g // 4, g // 4 : -g // 4] = False
        if hull is not None:
            dense = torch.from_numpy(hull).float()[None, None]
            possible[0] &= nn.functional.adaptive_max_pool3d(dense, g)[0, 0] > 0
        self.cells = possible.flatten().nonzero()[:, 0]
        self.thickness = torch.ones(len(self.cells))
        self.bits = possible.flatten()
        self.mask, self.place = self._occupied, self._points

    def compile(self) -> None:
        """Compile the march, for any number of rays and samples."""
        self.mask = torch.compile(self._occupied, dynamic=True)
        self.place = torch.compile(self._points, dynamic=True)

    def refresh(self) -> None:
        """Take the bits from the thickness."""
        least = min(self.settings.threshold, float(self.thickness.mean()))
        self.bits[self.cells] = self.thickness > least

    def update(self, density: Callable[[Tensor], Tensor], step: int) -> None:
        """Decay all cells, then raise some of them to what the field says at a random point.

        Args:
            density: unit-cube points (N, 3) -> (N,) per half size.
        """
        warm = step < self.settings.warmup
        chosen = torch.randint(len(self.cells), (CELLS,))
        occupied = self.bits[self.cells].nonzero()[:, 0]
        if not warm and len(occupied):
            chosen[CELLS // 2 :] = occupied[torch.randint(len(occupied), (CELLS // 2,))]
        if len(self.cells) <= CELLS:
            chosen = torch.arange(len(self.cells))
        cell, g = self.cells[chosen], self.resolution
        corner = torch.stack([cell % g, cell // g % g, cell // g**2 % g], 1)
        scale = torch.exp2(cell // g**3)
        point = (2 * (corner + torch.rand(len(cell), 3)) / g - 1) * scale[:, None]
        length = (self.space.cone * scale).clamp(min=self.space.step / self.space.half_size)
        self.thickness *= 0.8 if warm else self.settings.decay
        found = density(self.space.to_unit_cube(point)) * length
        self.thickness.scatter_reduce_(0, chosen, found, "amax")
        self.refresh()

    @torch.no_grad()
    def march(self, origin: Tensor, direction: Tensor, jitter: Tensor) -> Samples:
        """Samples in occupied cells of world rays (R, 3); jitter (R,) in [0, 1)."""
        space = self.space
        near, far = space.entry(origin, direction)
        start = (origin + near[:, None] * direction - space.center) / space.half_size
        direction = direction / space.half_size
        hit = self.mask(start, direction, far - near, jitter, self.bits)
        ray, number = hit.nonzero(as_tuple=True)
        x, along, dt = self.place(start, direction, jitter, ray, number)
        offset = torch.zeros(len(origin) + 1, dtype=torch.int64)
        torch.cumsum(hit.sum(1), 0, out=offset[1:])
        return Samples(x, near[ray] + along, dt, ray, offset)

    def _points(
        self, start: Tensor, direction: Tensor, jitter: Tensor, ray: Tensor, number: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Unit-cube points (S, 3) of samples, distances from the start, and steps (S,)."""
        along, dt = self.space.distance(number + jitter[ray])
        x = self.space.to_unit_cube(start[ray] + along[:, None] * direction[ray])
        return x, along, dt

    def _occupied(
        self, start: Tensor, direction: Tensor, length: Tensor, jitter: Tensor, bits: Tensor
    ) -> Tensor:
        """(R, count) bool: the sample lies on the ray and in an occupied cell."""
        g = self.resolution
        t, _ = self.space.distance(torch.arange(self.space.count) + jitter[:, None])
        axes = [start[:, i, None] + t * direction[:, i, None] for i in range(3)]
        norm = torch.maximum(axes[0].abs(), torch.maximum(axes[1].abs(), axes[2].abs()))
        level = torch.zeros_like(norm, dtype=torch.int32)
        scale = torch.full_like(norm, 0.5 * g)
        for i in range(self.space.levels - 1):
            level = level + (norm > 2.0**i)
            scale = torch.where(norm > 2.0**i, 0.5 * g / 2.0 ** (i + 1), scale)
        x, y, z = ((axis * scale + 0.5 * g).int().clamp(0, g - 1) for axis in axes)
        return bits[(((level * g + z) * g + y) * g + x).long()] & (t < length[:, None])
