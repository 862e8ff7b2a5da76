"""The choice finds the candidate whose networks show the target's frequencies."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from nfield.fresh.choice import Choice, choose
from nfield.fresh.target import Target, image_target
from tests.fresh.images import wave

M = 32


class Wave(nn.Module):
    """As many waves along x in [0, 1] as the value says: one bin of the spectrum."""

    def __init__(self, value: float, seed: int):
        super().__init__()
        self.value, self.phase = value, float(seed)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(2 * math.pi * self.value * x[:, :1].double() + self.phase)


def target(n: int) -> Target:
    return image_target(wave(n, 0, 2 * M, 2 * M), M)


def values(choice: Choice) -> list[float]:
    return [row.value for row in choice.candidates]


def test_distances_are_differences_of_frequency() -> None:
    choice = choose(target(9), [4, 7, 9, 12, 16], Wave, limits=(1, M))
    assert choice.pick == 9
    assert choice.interior
    assert choice.seconds > 0.0
    for row in choice.candidates:
        # Coordinates are float32: waves are off by 1e-6, in each of a few thousand places.
        assert row.distance == pytest.approx(abs(row.value - 9), abs=1e-3)
        assert row.error < 1e-3


def test_means_and_standard_errors_are_over_seeds() -> None:
    """Seed s adds s waves: distances 0, 1, 2, 3."""

    def build(value: float, seed: int) -> nn.Module:
        return Wave(value + seed, 0)

    choice = choose(target(5), [5, 20, 25], build, limits=(5, M), seeds=4)
    row = choice.candidates[0]
    assert row.distance == pytest.approx(1.5, abs=1e-3)
    assert row.error == pytest.approx(math.sqrt(5 / 3) / 2, abs=1e-3)


def test_candidates_are_asked_by_rising_value_with_equal_seeds() -> None:
    asked: list[tuple[float, int]] = []

    def build(value: float, seed: int) -> nn.Module:
        asked.append((value, seed))
        return Wave(value, seed)

    choose(target(5), [12, 1, 5], build, limits=(1, M), seeds=2)
    assert asked == [(1, 0), (1, 1), (5, 0), (5, 1), (12, 0), (12, 1)]


@pytest.mark.parametrize(
    ("n", "candidates", "want"),
    [
        (20, [2, 4, 8], [2, 4, 8, 16, 32]),  # up, by the ratio of the last two
        (2, [8, 16, 24], [1, 2, 4, 8, 16, 24]),  # down, by that of the first two
        (13, [8, 9, 10], [8, 9, 10, 12, 15]),  # by at least 5/4, rounded
        (4, [1, 2, 3], [1, 2, 3, 4, 5]),  # whole numbers grow by one at least: 4.5 rounds to 4
    ],
)
def test_the_grid_grows_until_the_pick_is_interior(
    n: int, candidates: list[float], want: list[float]
) -> None:
    choice = choose(target(n), candidates, Wave, limits=(1, M), seeds=2)
    assert values(choice) == want
    assert choice.pick == min(want, key=lambda value: abs(value - n))
    assert choice.interior


@pytest.mark.parametrize(
    ("n", "candidates", "limits", "pick"),
    [(30, [2, 4, 8], (1, 12), 12), (1, [8, 16, 24], (6, 24), 6), (1, [0, 8, 16], (0, 16), 0)],
)
def test_the_grid_ends_at_its_limits(
    n: int, candidates: list[float], limits: tuple[float, float], pick: float
) -> None:
    def build(value: float, seed: int) -> nn.Module:
        return Wave(value or 1, seed)

    choice = choose(target(n), candidates, build, limits=limits, seeds=2)
    assert choice.pick == pick
    assert not choice.interior


def test_other_candidates_than_whole_numbers_grow_to_such() -> None:
    def build(value: float, seed: int) -> nn.Module:
        return Wave(round(10 * value), seed)

    choice = choose(target(10), [0.2, 0.4, 0.6], build, limits=(0.1, 3.0), seeds=2)
    assert values(choice) == pytest.approx([0.2, 0.4, 0.6, 0.9, 1.35])


@pytest.mark.parametrize(("edge", "want"), [((9, 6), [6, 8, 10, 20]), ((6, 6), [8, 10, 20])])
def test_an_end_within_a_standard_error_of_the_best_is_open(
    edge: tuple[int, int], want: list[float]
) -> None:
    """Ten is two bins off. Eight is 2.5 +- 1.5 bins off, or 4 +- 0."""
    shown = {8: edge, 10: (12, 12)}

    def build(value: float, seed: int) -> nn.Module:
        return Wave(shown.get(value, (25, 25))[seed], 0)

    choice = choose(target(10), [8, 10, 20], build, limits=(4, M), seeds=2)
    assert values(choice) == want
    assert choice.pick == 10


def test_of_equal_candidates_the_lowest_is_taken() -> None:
    choice = choose(target(10), [3, 8, 12, 20], lambda v, _: Wave(v, 0), limits=(1, M), seeds=2)
    distances = {row.value: row.distance for row in choice.candidates}
    assert distances[8] == pytest.approx(distances[12], abs=1e-3)
    same = choose(target(10), [3, 8, 12, 20], constant(12), limits=(1, M), seeds=2)
    assert same.pick == min(values(same)) == 1


def constant(n: int) -> Callable[[float, int], nn.Module]:
    return lambda value, seed: Wave(n, 0)


def test_equal_arguments_give_equal_choices() -> None:
    first, second = (choose(target(9), [4, 7, 12], Wave, limits=(1, M)) for _ in range(2))
    assert first.candidates == second.candidates


@pytest.mark.parametrize(
    ("candidates", "limits", "seeds", "message"),
    [
        ([1, 2], (1, 9), 2, r"at least three different values, got \[1, 2\]"),
        ([1, 2, 2, 3], (1, 9), 2, "at least three different values"),
        ([1, 2, 10], (1, 9), 2, "candidates must be from 1 to 9"),
        ([0.5, 2, 3], (1, 9), 2, "candidates must be from 1 to 9"),
        ([1, 2, 3], (1, math.inf), 2, "limits must be finite"),
        ([1, 2, 3], (0, 9), 2, "positive, or start at a candidate 0"),
        ([1, 2, 3], (9, 1), 2, "limits must be finite, rise"),
        ([1, 2, 3], (1, 9), 1, "seeds must be at least 2, got 1"),
    ],
)
def test_refusals(
    candidates: list[float], limits: tuple[float, float], seeds: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        choose(target(9), candidates, Wave, limits=limits, seeds=seeds)


def test_a_network_that_shows_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="must vary at frequencies 1 to 32"):
        choose(target(9), [0, 7, 12], lambda v, s: Wave(v, 1), limits=(0, M))
