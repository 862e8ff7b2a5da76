"""The progressive schedule, and the share of the time."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.viewer.look import Look
from nfield.viewer.pace import LEAST_RAYS, Pace
from nfield.viewer.schedule import SMALLEST, sizes
from nfield.viewer.share import BURST, Share


@settings(max_examples=40, deadline=None)
@given(st.floats(0.1, 10), st.integers(32, 2048), st.floats(0, 1e7))
def test_pictures_grow_from_what_there_is_time_for_to_what_is_asked_for(
    aspect: float, side: int, rays: float
) -> None:
    found = sizes(aspect, side, rays)
    assert max(found[-1]) == side
    longest = [max(size) for size in found]
    assert all(a < b <= 2.9 * a for a, b in itertools.pairwise(longest))
    for width, height in found:
        # Each side is rounded to whole pixels.
        assert abs(width - aspect * height) <= 0.5 + 0.5 * aspect
    width, height = found[0]
    if len(found) > 1 and max(width, height) > SMALLEST:
        assert width * height <= rays + width + height


def test_a_fast_machine_shows_the_final_picture_at_once() -> None:
    assert sizes(1.0, 256, 1e6) == [(256, 256)]
    assert sizes(2.0, 256, 0) == [(24, 12), (48, 24), (96, 48), (256, 128)]


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0.05, 0.9),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=60),
    st.floats(0, 0.05),
)
def test_showing_never_takes_more_than_its_share(
    share: float, steps: list[tuple[float, float]], chunk: float
) -> None:
    account = Share(share)
    trained = shown = 0.0
    for training, wanted in steps:
        account.trained(training)
        trained += training
        if account.left > 0:
            spent = min(wanted, account.left + chunk)  # the last chunk may take too long
            account.shown(spent)
            shown += spent
        # Rounding of sums of at most 60 numbers of about 1.
        assert shown <= trained * share / (1 - share) + BURST + chunk + 1e-9


def test_a_visitor_who_always_wants_more_gets_the_share() -> None:
    account, shown = Share(0.25), 0.0
    for _ in range(1000):
        account.trained(0.03)
        shown += max(account.left, 0)
        account.shown(max(account.left, 0))
    # What the first step gives is lost where the account is full already.
    assert shown == pytest.approx(30 / 3 + BURST, abs=0.011)


def test_the_pace_follows_what_is_measured() -> None:
    pace = Pace()
    for _ in range(30):
        pace.measured(5000, 0.05)
    assert pace.speed == pytest.approx(100_000, rel=1e-6)
    assert pace.rays(0.02) == pytest.approx(2000, abs=1)
    assert pace.rays(0) == LEAST_RAYS


@pytest.mark.parametrize(
    "values",
    [
        {"mode": "secret"},
        {"side": 10**9},
        {"side": 1},
        {"rate": 0.0},
        {"rate": float("nan")},
        {"split": -0.1},
        {"background": (0.0, 2.0, 0.0)},
    ],
)
def test_looks_that_are_none_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        Look().changed(**values)
