"""Ray marching through nested occupancy bit fields: packed samples of many rays."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import empty, native, place, placed


@dataclass(frozen=True)
class MarchSettings:
    """Where a ray may hold samples, in world units."""

    center: tuple[float, float, float]
    half_size: float  # of the inner cube
    near: float  # least distance along the ray
    step: float  # least distance between samples
    cone: float  # distance between samples grows to cone * t
    unbounded: bool  # field coordinates are contracted outside the inner cube
    capacity: int  # most samples of one ray


@dataclass(frozen=True)
class Samples:
    """Packed samples: ray r owns offset[r] to offset[r + 1].

    Shape
        offset ``(R + 1,)`` int64, ray ``(S,)`` int32, x ``(S, 3)`` in the field's unit cube, t and
        dt ``(S,)`` in world units
    """

    offset: Tensor
    ray: Tensor
    x: Tensor
    t: Tensor
    dt: Tensor

    def __len__(self) -> int:
        return len(self.t)

    @property
    def rays(self) -> int:
        """Number of rays, with and without samples."""
        return len(self.offset) - 1

    def part(self, rays: slice) -> Samples:
        """The samples of some rays, which are ray 0, 1, ... of the result."""
        if rays == slice(0, self.rays):
            return self  # without waiting for the device that has the offsets
        offset = self.offset[rays.start : rays.stop + 1]
        own = slice(int(offset[0]), int(offset[-1]))
        return Samples(
            offset - offset[0],
            self.ray[own] - rays.start,
            self.x[own],
            self.t[own],
            self.dt[own],
        )

    def take(self, index: Tensor, offset: Tensor) -> Samples:
        """The samples of `index`, packed as `offset` says (see `nfield.ops.visibility`)."""
        return Samples(
            offset,
            self.ray.index_select(0, index),
            self.x.index_select(0, index),
            self.t.index_select(0, index),
            self.dt.index_select(0, index),
        )


def pack_occupancy(occupied: Tensor) -> Tensor:
    """Bits of nested occupancy grids, 4x4x4 cells to a 64-bit word.

    Shape
        occupied ``(L, G, G, G)`` bool, [level][z][y][x], G a multiple of 16
        -> ``(L, (G / 4)^3)`` uint64, bit (z * 4 + y) * 4 + x of a brick's word
    """
    levels, resolution = occupied.shape[:2]
    check.one_of("pack_occupancy", "resolution % 16", resolution % 16, (0,))
    bricks = resolution // 4
    cells = occupied.reshape(levels, bricks, 4, bricks, 4, bricks, 4)
    bits = cells.permute(0, 1, 3, 5, 2, 4, 6).reshape(-1, 8, 8).to(torch.uint8)
    weight = torch.tensor([1, 2, 4, 8, 16, 32, 64, 128], dtype=torch.uint8, device=occupied.device)
    octets = (bits * weight).sum(-1, dtype=torch.uint8)
    return octets.view(torch.uint64).reshape(levels, bricks**3)


@placed
def march(
    origins: Tensor,
    directions: Tensor,
    jitter: Tensor,
    words: Tensor,
    resolution: int,
    settings: MarchSettings,
    budget: int | None = None,
) -> Samples:
    r"""Samples of rays inside occupied cells, packed ray after ray.

    Formula
        $t_0 = t_{entry} + u\,s(t_{entry})$, $t_{k+1} = t_k + s(t_k)$, $s(t) = \max(step, cone\,t)$;
        kept where the cell of $o + t d$ is occupied. Level l covers $2^l$ times the inner cube.
    Shape
        origins, directions ``(R, 3)`` float32 world space, unit; jitter ``(R,)`` in [0, 1); words
        from `pack_occupancy` -> Samples
    Raises
        TypeError, ValueError: another dtype, shape or device.
    Source
        Mueller et al. 2022, Instant-NGP, arXiv:2201.05989, appendix E; csrc/math/occupancy.h

    Args:
        budget: Most samples of all rays; the first ray that would pass it, and those behind it, are
            left out of the result.
    """
    origins = check.floats("march", "origins", origins, None, 3)
    rays = len(origins)
    directions = check.floats("march", "directions", directions, rays, 3)
    jitter = check.floats("march", "jitter", jitter, rays)
    words = check.dense("march", "words", words, torch.uint64, None, (resolution // 4) ** 3)
    kernel = native.march_shape(
        words,
        resolution,
        settings.center,
        settings.half_size,
        settings.near,
        settings.step,
        settings.cone,
        settings.unbounded,
        settings.capacity,
    )
    distances = empty(rays, settings.capacity)
    offset = torch.zeros(rays + 1, dtype=torch.int64, device=place())
    kernel.march(origins, directions, jitter, distances, offset[1:])
    offset.cumsum_(0)
    if budget is not None:
        offset = offset[: int(torch.searchsorted(offset, budget, right=True))]
    total = int(offset[-1])
    samples = Samples(
        offset,
        torch.empty(total, dtype=torch.int32, device=place()),
        empty(total, 3),
        empty(total),
        empty(total),
    )
    kernel.pack(
        origins, directions, distances, offset, samples.x, samples.t, samples.dt, samples.ray
    )
    return samples
