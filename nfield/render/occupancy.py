"""Occupancy grid: where a radiance field holds matter, learned from its own density."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from nfield.errors import InputError
from nfield.ops.contraction import from_unit_cube, to_unit_cube
from nfield.ops.march import MarchSettings, Samples, march, pack_occupancy
from nfield.render.bounds import Bounds

CAPACITY = 1024  # most samples of one ray
CELLS = 1 << 16  # cells asked for their density in one update
UNBOUNDED_CONE = 1 / 64  # growth of steps with distance: still finer than the contracted grid
UNBOUNDED_NEAR = 0.1  # least distance of a sample, of the inner cube's half size


@dataclass(frozen=True)
class OccupancySettings:
    """Resolution in cells, nested levels, and the rules of the moving maximum."""

    resolution: int
    levels: int
    interval: int  # steps between updates
    warmup: int  # steps in which cells are forgotten quickly
    decay: float  # of a cell's density per update
    threshold: float  # least optical thickness of a step that counts as matter
    steps: int  # steps across the inner cube's diagonal


class Occupancy(nn.Module):
    r"""Nested occupancy grids around a scene, and the march through them.

    A cell keeps a decaying maximum of the optical thickness $\sigma \delta$ that a sample in it
    would have, and is occupied while that exceeds min(threshold, mean over all cells). Cells
    outside the visual hull, and cells of a level that the level inside it covers, are never
    occupied.

    Source: Mueller et al. 2022, Instant-NGP, arXiv:2201.05989, appendix E.2.

    Args:
        bounds: The inner cube, with `settings.levels` levels around it where it is unbounded.
    """

    def __init__(
        self,
        settings: OccupancySettings,
        bounds: Bounds,
    ):
        super().__init__()
        self.settings = settings
        levels = settings.levels if bounds.unbounded else 1
        diagonal = 2 * math.sqrt(3) * bounds.half_size
        self.march_settings = MarchSettings(
            center=bounds.center,
            half_size=bounds.half_size,
            near=UNBOUNDED_NEAR * bounds.half_size if bounds.unbounded else 0.0,
            step=diagonal / settings.steps,
            cone=UNBOUNDED_CONE if bounds.unbounded else 0.0,
            unbounded=bounds.unbounded,
            capacity=CAPACITY,
        )
        self.shape = (levels, *[settings.resolution] * 3)
        cells = self._possible(bounds.hull).flatten().nonzero().squeeze(1)
        self.register_buffer("cells", cells, persistent=False)
        self.register_buffer("thickness", torch.ones(len(cells)))
        self._limit = settings.threshold
        occupied, words = self._packed(torch.ones(len(cells), dtype=torch.bool))
        self.register_buffer("_occupied", occupied, persistent=False)
        self.register_buffer("words", words, persistent=False)

    cells: Tensor
    thickness: Tensor
    words: Tensor
    _occupied: Tensor

    def _possible(self, hull: np.ndarray | None) -> Tensor:
        possible = torch.ones(self.shape, dtype=torch.bool)
        quarter = self.settings.resolution // 4
        inner = slice(quarter, -quarter)
        possible[1:, inner, inner, inner] = False
        if hull is not None:
            cells = torch.from_numpy(hull).float()[None]
            possible[0] &= nn.functional.adaptive_max_pool3d(cells, self.shape[1:])[0] > 0
        return possible

    def grid(self) -> Tensor:
        """Which cells are occupied: bool, ``[level][z][y][x]``."""
        return self._occupied.view(self.shape)

    def _packed(self, occupied: Tensor) -> tuple[Tensor, Tensor]:
        """Which of all cells are occupied, and the bit fields that say so."""
        everywhere = occupied.new_zeros(math.prod(self.shape))
        everywhere[self.cells] = occupied
        return everywhere, pack_occupancy(everywhere.view(self.shape))

    def is_due(self, step: int) -> bool:
        """Whether the grid is updated before this step: often at first."""
        interval = 4 if step < 64 else self.settings.interval
        return step % interval == 0

    @torch.no_grad()
    def update(
        self, density: Callable[[Tensor], Tensor], step: int, generator: torch.Generator
    ) -> None:
        """Ask the field for the density in some cells, and mark anew which are occupied.

        Args:
            density: Unit-cube points ``(N, 3)`` -> density ``(N,)`` per half size.
        """
        warm = step < self.settings.warmup
        chosen = self._choose(warm, generator)
        points, length = self._random_points(self.cells[chosen], generator)
        thickness = density(points) * length
        self.thickness *= 0.8 if warm else self.settings.decay
        self.thickness.scatter_reduce_(0, chosen, thickness, "amax")
        self.refresh()

    @torch.no_grad()
    def learn(
        self, density: Callable[[Tensor], Tensor], generator: torch.Generator, rounds: int
    ) -> None:
        """Find all cells anew from the density at `rounds` random points of each.

        Args:
            density: As of `update`.
        """
        self.thickness.zero_()
        for _ in range(rounds):
            for chosen in torch.arange(len(self.cells), device=self.cells.device).split(CELLS):
                points, length = self._random_points(self.cells[chosen], generator)
                thickest = torch.maximum(self.thickness[chosen], density(points) * length)
                self.thickness[chosen] = thickest
        self.refresh()

    def holds(self, x: Tensor) -> Tensor:
        """Which unit-cube points ``(N, 3)`` lie in occupied cells, ``(N,)`` bool."""
        size = self.settings.resolution
        p = from_unit_cube(x, (0.0, 0.0, 0.0), 1.0, self.march_settings.unbounded)
        outward = p.abs().amax(1).clamp(min=1).log2().ceil()
        level = outward.clamp(max=self.shape[0] - 1)
        cell = ((p / torch.exp2(level)[:, None] + 1) * (size / 2)).floor().long()
        inside = ((cell >= 0) & (cell < size)).all(1)
        x_, y_, z_ = cell.clamp(0, size - 1).unbind(1)
        index = ((level.long() * size + z_) * size + y_) * size + x_
        return self._occupied[index] & inside

    def random_empty(self, count: int, generator: torch.Generator) -> Tensor:
        """Random unit-cube points ``(N, 3)``, at most `count`, in cells that are not occupied."""
        cells = self.cells[self._random(len(self.cells), count, generator)]
        points, _ = self._random_points(cells, generator)
        return points[~self._occupied[cells]]

    def refresh(self) -> None:
        """Recompute the bit fields from the cells' thickness."""
        # numpy's mean adds in one fixed order; torch's depends on the number of threads.
        values = self.thickness if self.thickness.is_cuda else self.thickness.numpy()
        mean = float(values.mean()) if len(values) else 0.0
        if not math.isfinite(mean):
            raise InputError(
                f"occupancy: density must be finite, got a mean of {mean}; the field has diverged, "
                "fit again with a smaller train.learning_rate"
            )
        self._limit = min(self.settings.threshold, mean)
        self._occupied, self.words = self._packed(self.thickness > self._limit)

    def occupied_share(self) -> float:
        """Share of all cells that are occupied."""
        octets = np.unpackbits(self.words.cpu().numpy().view(np.uint8))
        return float(octets.mean())

    def _choose(self, warm: bool, generator: torch.Generator) -> Tensor:
        count = len(self.cells)
        if count <= CELLS:
            return torch.arange(count, device=self.cells.device)
        if warm:
            return self._random(count, CELLS, generator)
        occupied = (self.thickness > self._limit).nonzero().squeeze(1)
        anywhere = self._random(count, CELLS // 2, generator)
        if not len(occupied):
            return anywhere
        again = occupied[self._random(len(occupied), CELLS // 2, generator)]
        return torch.cat([anywhere, again])

    def _random(self, limit: int, count: int, generator: torch.Generator) -> Tensor:
        """Numbers below a limit, drawn on the CPU so that all devices see the same."""
        return torch.randint(limit, (count,), generator=generator).to(self.cells.device)

    def _random_points(self, cells: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A random point in each cell (unit cube), and the length of a step there (half sizes)."""
        size = self.settings.resolution
        plane = torch.div(cells, size, rounding_mode="floor")
        slab = torch.div(plane, size, rounding_mode="floor")
        level = torch.div(slab, size, rounding_mode="floor")
        corner = torch.stack([cells % size, plane % size, slab % size], 1)
        jitter = torch.rand(len(cells), 3, generator=generator).to(cells.device)
        scale = torch.exp2(level.float())
        points = ((corner + jitter) * (2 / size) - 1) * scale[:, None]
        settings = self.march_settings
        step = settings.step / settings.half_size
        length = torch.maximum(torch.full_like(scale, step), settings.cone * scale)
        return to_unit_cube(points, (0.0, 0.0, 0.0), 1.0, settings.unbounded), length

    def march(
        self,
        origins: Tensor,
        directions: Tensor,
        jitter: Tensor,
        budget: int | None = None,
    ) -> Samples:
        """Samples of rays in occupied cells; see `nfield.ops.march.march`."""
        return march(
            origins,
            directions,
            jitter,
            self.words,
            self.settings.resolution,
            self.march_settings,
            budget,
        )
