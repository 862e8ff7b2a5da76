"""Visible samples: a prefix of every ray, cut where the light has gone."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.ops.visibility import visible


@given(st.lists(st.lists(st.floats(0, 4, width=32), max_size=30), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_keeps_what_light_reaches(rays: list[list[float]]) -> None:
    offset = torch.tensor([0, *map(len, rays)]).cumsum(0)
    thickness = torch.tensor([tau for ray in rays for tau in ray], dtype=torch.float32)
    index, kept = visible(offset, lambda index: thickness[index])
    want = []
    for ray, start in zip(rays, offset.tolist(), strict=False):
        for k in range(len(ray)):
            light = math.exp(-sum(ray[:k]))
            if not math.isclose(light, 1e-4, rel_tol=1e-4) and light > 1e-4:
                want.append(start + k)
    # Sums within rounding of the limit may fall on either side.
    close = len(want) != len(index)
    assert set(want) <= set(index.tolist())
    assert close or want == index.tolist()
    assert kept[-1] == len(index) and bool((kept.diff() <= offset.diff()).all())


def test_first_sample_is_always_seen() -> None:
    index, kept = visible(
        torch.tensor([0, 3, 3, 6]), lambda index: torch.full((len(index),), 100.0)
    )
    assert index.tolist() == [0, 3] and kept.tolist() == [0, 1, 1, 2]


def test_hidden_samples_are_not_asked_for() -> None:
    offset = torch.tensor([0, 100, 300])
    asked: list[torch.Tensor] = []

    def thickness(index: torch.Tensor) -> torch.Tensor:
        asked.append(index)
        return (index < 100).float()  # the first ray is dark after 10 samples, the second is clear

    index, kept = visible(offset, thickness)
    assert index.tolist() == [*range(10), *range(100, 300)] and kept.tolist() == [0, 10, 210]
    everything = torch.cat(asked)
    assert len(everything) == len(everything.unique()) == 24 + 200  # windows of 8 and 16


def test_refusals_name_the_argument() -> None:
    with pytest.raises(ValueError, match="offset must rise from 0, got "):
        visible(torch.tensor([1, 3]), lambda index: torch.zeros(len(index)))
    with pytest.raises(ValueError, match=r"thickness must have shape \(2\)"):
        visible(torch.tensor([0, 2]), lambda index: torch.zeros(3))
