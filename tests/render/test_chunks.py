"""Chunks halve where memory runs out, and lose nothing."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from nfield.render.chunks import in_chunks


def refusing(most: int, error: type[Exception], seen: list[int]):
    def compute(rows: Tensor) -> Tensor:
        if len(rows) > most:
            raise error(f"{len(rows)} rows were asked for\nadvice")
        seen.append(len(rows))
        return 2 * rows

    return compute


@given(st.integers(0, 50), st.integers(1, 64), st.integers(1, 64))
def test_every_row_is_computed_once_in_its_order(count: int, size: int, most: int) -> None:
    rows, seen = torch.arange(count), list[int]()
    halved = min(count, size) > most
    with pytest.warns(UserWarning) if halved else nullcontext():
        results = in_chunks(rows, size, refusing(most, torch.OutOfMemoryError, seen))
    assert torch.equal(torch.cat([rows[:0], *results]), 2 * rows)
    assert max(seen, default=0) <= min(size, most)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError])
def test_the_warning_says_what_was_asked_for(error: type[Exception]) -> None:
    with pytest.warns(UserWarning, match="^8 rows were asked for; going on with 4 at a time$"):
        in_chunks(torch.arange(8), 8, refusing(4, error, []))


def test_one_row_that_does_not_fit_is_an_error() -> None:
    with pytest.warns(UserWarning), pytest.raises(MemoryError, match="1 rows"):
        in_chunks(torch.arange(3), 2, refusing(0, MemoryError, []))


def test_other_errors_are_not_hidden() -> None:
    with pytest.raises(ValueError):
        in_chunks(torch.arange(3), 2, refusing(0, ValueError, []))
