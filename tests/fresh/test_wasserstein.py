"""The Wasserstein distance is a metric that counts bins."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nfield.fresh.wasserstein import wasserstein

SUM = 1e-12  # float64 sums of at most 30 terms of at most 30


@st.composite
def distributions(draw: st.DrawFn, count: int) -> list[Tensor]:
    size = draw(st.integers(1, 30))
    weights = st.lists(st.floats(0, 1), min_size=size, max_size=size).filter(
        lambda w: sum(w) > 0.01
    )
    drawn = [torch.tensor(draw(weights), dtype=torch.float64) for _ in range(count)]
    return [weight / weight.sum() for weight in drawn]


@settings(deadline=None)
@given(distributions(3))
def test_is_a_metric(pqr: list[Tensor]) -> None:
    p, q, r = pqr
    assert wasserstein(p, p) == 0.0
    assert wasserstein(p, q) == wasserstein(q, p) >= 0.0
    assert wasserstein(p, r) <= wasserstein(p, q) + wasserstein(q, r) + SUM
    assert wasserstein(p, q) >= float((p - q).abs().sum()) / 2 - SUM  # each unit moves >= 1 bin


@settings(deadline=None)
@given(distributions(1), st.integers(0, 40))
def test_a_shift_by_k_bins_costs_k(ps: list[Tensor], k: int) -> None:
    p = torch.cat([ps[0], ps[0].new_zeros(k)])
    assert wasserstein(p, p.roll(k)) == pytest.approx(k, abs=1e-9)


def test_by_hand() -> None:
    p, q = torch.tensor([0.5, 0.5, 0.0]), torch.tensor([0.25, 0.25, 0.5])
    assert wasserstein(p, q) == 0.75  # a quarter moves by two bins, a quarter by one


@pytest.mark.parametrize(
    ("p", "q", "message"),
    [
        ([0.5, 0.5], [1.0], r"one shape \(m,\), got \(2,\) and \(1,\)"),
        ([], [], "one shape"),
        ([0.5, 0.5], [0.5, 0.6], "q must be >= 0 with sum 1, got minimum 0.5 and sum 1.1"),
        ([1.5, -0.5], [0.5, 0.5], "p must be >= 0 with sum 1, got minimum -0.5"),
        ([torch.nan, 1.0], [0.5, 0.5], "p must be >= 0 with sum 1, got minimum nan"),
    ],
)
def test_refusals(p: list[float], q: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wasserstein(torch.tensor(p), torch.tensor(q))
