"""Occupancy grid: it finds matter, forgets what vanished, and respects the hull."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from nfield.render.bounds import Bounds
from nfield.render.occupancy import Occupancy, OccupancySettings

SETTINGS = OccupancySettings(
    resolution=32, levels=3, interval=16, warmup=256, decay=0.95, threshold=0.01, steps=256
)


def make(unbounded: bool = False, hull: np.ndarray | None = None) -> Occupancy:
    return Occupancy(SETTINGS, Bounds((0.0, 0.0, 0.0), 2.0, unbounded, hull))


def ball(radius: float) -> object:
    """Density of a ball around the centre of the unit cube; `radius` in unit-cube lengths."""
    return lambda x: 50.0 * ((x - 0.5).norm(dim=1) < radius).float()


def update(grid: Occupancy, density: object, updates: int, start: int = 0) -> None:
    generator = torch.Generator().manual_seed(0)
    for index in range(updates):
        grid.update(density, start + 16 * index, generator)  # type: ignore[arg-type]


def ray(origin: list[float], direction: list[float]) -> tuple[Tensor, Tensor, Tensor]:
    return (
        torch.tensor([origin]),
        normalize(torch.tensor([direction]), dim=1),
        torch.tensor([0.5]),
    )


def test_everything_is_occupied_at_first() -> None:
    assert make().occupied_share() == 1.0


def test_samples_lie_where_the_density_is() -> None:
    grid = make()
    update(grid, ball(0.2), 60)
    samples = grid.march(*ray([-5.0, 0.0, 0.0], [1.0, 0.0, 0.0]))
    # Radius 0.2 of the unit cube is 0.8 world units; a cell is 0.125 wide.
    assert 0.8 <= 5 - float(samples.t.min()) <= 0.8 + 0.13
    assert 0.8 <= float(samples.t.max()) - 5 <= 0.8 + 0.13
    assert len(grid.march(*ray([-5.0, 1.5, 0.0], [1.0, 0.0, 0.0]))) == 0


def test_what_vanishes_is_forgotten_and_may_come_back() -> None:
    grid = make()
    update(grid, ball(0.3), 60)
    before = grid.occupied_share()
    update(grid, ball(0.1), 200, start=2000)
    shrunk = grid.occupied_share()
    update(grid, ball(0.3), 60, start=9000)
    assert shrunk < before / 8 and grid.occupied_share() >= before * 0.95


def test_hull_is_never_left() -> None:
    hull = np.zeros((64, 64, 64), dtype=bool)
    hull[32:, :, :] = True
    grid = make(hull=hull)
    assert grid.occupied_share() == 0.5
    update(grid, lambda x: torch.full((len(x),), 50.0), 20)
    samples = grid.march(*ray([0.0, 0.0, -5.0], [0.0, 0.0, 1.0]))
    assert float(samples.t.min()) >= 5.0


def test_outer_levels_see_far_matter() -> None:
    grid = make(unbounded=True)

    def shell(x: Tensor) -> Tensor:
        contracted = (4 * x - 2).abs().amax(1)  # 2 - 1 / norm outside the inner cube
        return 50.0 * ((contracted > 1.6) & (contracted < 1.7)).float()  # norm 2.5 to 3.3

    update(grid, shell, 80)
    samples = grid.march(*ray([0.0, 0.0, 0.0], [1.0, 0.1, 0.0]))
    distance = samples.t * float(normalize(torch.tensor([1.0, 0.1]), dim=0)[0]) / 2.0
    # Cells of the level from 2 to 4 are 0.25 wide.
    assert 2.2 < float(distance.min()) < 2.6 and 3.2 < float(distance.max()) < 3.7


def test_same_seed_same_grid() -> None:
    grids = [make(unbounded=True), make(unbounded=True)]
    for grid in grids:
        update(grid, ball(0.2), 40)
    assert torch.equal(grids[0].thickness, grids[1].thickness)
    assert torch.equal(grids[0].words, grids[1].words)


@pytest.mark.parametrize("unbounded", [False, True])
def test_all_samples_lie_in_cells_that_hold_them(unbounded: bool) -> None:
    grid = make(unbounded=unbounded)
    generator = torch.Generator().manual_seed(0)
    grid.learn(ball(0.2), generator, 2)
    assert 0.005 < grid.occupied_share() < 0.2  # of the cube a ball of 0.2 fills 3 %
    directions = normalize(torch.randn(200, 3, generator=generator), dim=1)
    # Starts off the cells' borders: there float32 may tell a point's cell either way.
    samples = grid.march(-4.3 * directions, directions, torch.full((200,), 0.37))
    assert len(samples) > 2000
    assert grid.holds(samples.x).float().mean() > 0.999
    assert not grid.holds(torch.tensor([[0.01, 0.5, 0.5], [0.5, 0.9, 0.5]])).any()
    empty = grid.random_empty(1000, generator)
    assert len(empty) > 700
    assert not grid.holds(empty).any()
