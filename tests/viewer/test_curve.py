"""The training curve: what is new is added, and what is shown stays small."""

from __future__ import annotations

from nfield.viewer.curve import POINTS, Curve


def test_records_are_taken_up_once_and_in_order() -> None:
    curve = Curve([{"seconds": 1.0, "psnr": 20.0}, {"seconds": 2.0}])
    for seconds in (3.0, 3.0, 2.0):
        curve.add({"seconds": seconds, "psnr": 21.0})
    seconds, psnr = curve.shown()
    assert (seconds.tolist(), psnr.tolist()) == ([1.0, 3.0], [20.0, 21.0])


def test_long_fits_are_thinned_out() -> None:
    curve = Curve([{"seconds": float(i), "psnr": 20.0} for i in range(1, 72_001)])
    seconds, _ = curve.shown()
    assert POINTS <= len(seconds) < 2 * POINTS
    assert seconds[0] == 1.0


def test_nothing_is_a_curve_too() -> None:
    assert [len(column) for column in Curve([]).shown()] == [0, 0]
