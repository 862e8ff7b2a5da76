"""Growth: resolutions of a share of the budget."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfield.fields.growth import Growth


class Grid:
    def __init__(self, resolution: int) -> None:
        self.resolution = resolution

    def grow(self, resolution: int) -> None:
        assert resolution > self.resolution
        self.resolution = resolution


sizes = st.tuples(st.integers(2, 300), st.integers(2, 300)).map(sorted)
settings = (sizes, st.integers(1, 8), st.floats(1e-3, 1.0))


def test_stages_are_of_equal_ratio() -> None:
    growth = Growth(Grid(32), 32, 128, stages=2, end=0.5)
    shares = (0.0, 0.249, 0.25, 0.499, 0.5, 1.0)
    assert [growth.at(share) for share in shares] == [32, 32, 64, 64, 128, 128]


@given(*settings, st.lists(st.floats(0.0, 1.0), max_size=8))
def test_growing_at_once_gives_what_growing_step_by_step_gives(size, stages, end, shares) -> None:
    stepwise, once = (Growth(Grid(size[0]), *size, stages, end) for _ in range(2))
    for share in sorted(shares):
        before = stepwise.resolution
        assert stepwise.grow(share) == (stepwise.resolution > before)
    once.grow(max(shares, default=0.0))
    assert stepwise.resolution == once.resolution == stepwise.grid.resolution


@given(*settings)
def test_the_fine_resolution_is_reached_at_the_end(size, stages, end) -> None:
    growth = Growth(Grid(size[0]), *size, stages, end)
    assert growth.at(0.0) == size[0]
    assert growth.at(end) == growth.at(1.0) == size[1]


def test_a_coarse_resolution_above_the_fine_one_is_refused() -> None:
    with pytest.raises(ValueError, match="must be from 2 to the fine one 16, got 32"):
        Growth(Grid(32), 32, 16, stages=2, end=0.5)
