"""Rasters: coordinates of cells, and how batches are drawn."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from nfield.data.raster import Raster, centers, strata


@settings(deadline=None)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=3))
def test_centers_are_those_of_the_cells_last_axis_first(shape: list[int]) -> None:
    cells = itertools.product(*map(range, shape))
    want = [[(i + 0.5) / n for i, n in zip(cell[::-1], shape[::-1])] for cell in cells]
    got = centers(torch.arange(len(want)), shape)
    # The difference between rounding to float32 once and twice.
    assert_close(got, torch.tensor(want), atol=1e-7, rtol=0)


def test_centers_are_exact_in_large_grids() -> None:
    shape = (40_000, 30_000, 1_000)
    cell = (39_999, 29_999, 0)
    index = (cell[0] * shape[1] + cell[1]) * shape[2] + cell[2]
    want = [(i + 0.5) / n for i, n in zip(cell[::-1], shape[::-1])]
    assert centers(torch.tensor([index]), shape).tolist() == [torch.tensor(want).tolist()]


@settings(deadline=None)
@given(st.integers(1, 50), st.integers(0, 5000), st.integers(0, 2**32))
def test_strata_hold_one_index_each(count: int, more: int, seed: int) -> None:
    total = count + more
    index = strata(total, count, torch.Generator().manual_seed(seed))
    assert bool((index.diff() >= 0).all()) and len(index) == count
    place = index.double() * count / total
    # An index may straddle the border between two stretches.
    share = torch.arange(count)
    assert bool((place < share + 1).all()) and bool((place > share - count / total).all())


def test_all_cells_are_equally_likely() -> None:
    generator = torch.Generator().manual_seed(0)
    count = torch.zeros(23)
    for _ in range(4000):
        count += torch.bincount(strata(23, 7, generator), minlength=23)
    # 4000 * 7 / 23 = 1217 each; a count's standard deviation is below 30, and six are allowed.
    assert float((count - 4000 * 7 / 23).abs().max()) < 180


def test_batches_hold_values_where_they_are() -> None:
    values = torch.randint(256, (7, 5, 3), dtype=torch.uint8)
    raster = Raster(values)
    assert (len(raster), raster.out_dim, raster.shape) == (35, 3, (7, 5))
    x, y = raster.draw(20, torch.Generator().manual_seed(1))
    column, row = (x * torch.tensor([5.0, 7.0])).long().unbind(1)
    assert torch.equal(y, values[row, column].float() / 255)


@pytest.mark.parametrize("count", [35, 1000])
def test_small_rasters_are_drawn_whole_and_in_order(count: int) -> None:
    raster = Raster(torch.arange(35, dtype=torch.uint8).view(7, 5, 1))
    x, y = raster.draw(count, torch.Generator())
    assert torch.equal(y[:, 0], torch.arange(35.0) / 255)
    assert torch.equal(x, centers(torch.arange(35), (7, 5)))
