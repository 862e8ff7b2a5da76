"""The contact sheet shows the pictures it was given."""

from __future__ import annotations

import numpy as np
import pytest

from nfield.evaluate.protocol import Judged
from nfield.evaluate.sheet import CELL, ERROR_LIMIT, contact_sheet, error_map
from nfield.render.colormap import colorize


def judged(height: int, width: int, name: str = "test/r_0") -> Judged:
    truth = np.full((height, width, 3), (10, 200, 30), np.uint8)
    row = {"name": name, "psnr": 30.0, "ssim": 0.9}
    return Judged(1, 1, 0, row, truth, np.full((height, width, 3), (210, 20, 30), np.uint8))


def count(sheet: np.ndarray, color: tuple[int, ...]) -> int:
    return int((sheet == color).all(-1).sum())


def test_error_map_is_the_mean_absolute_difference():
    truth = np.full((1, 3, 3), 100, np.uint8)
    prediction = truth.copy()
    prediction[0, 1] = 100 + round(255 * ERROR_LIMIT / 2)
    prediction[0, 2] = 0
    got = error_map(prediction, truth)[0]
    level = round(255 * ERROR_LIMIT / 2) / 255 / ERROR_LIMIT
    assert (got == colorize(np.array([0.0, level, 1.0]))).all()
    assert (error_map(truth, prediction) == error_map(prediction, truth)).all()


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((40, 30), (CELL, 240)),  # enlarged eightfold
        ((200, 200), (200, 200)),  # as it is: not twice
        ((800, 400), (CELL, CELL // 2)),
    ],
)
def test_truth_prediction_and_error_are_all_shown_in_full(size, shown):
    sheet = contact_sheet([judged(*size), judged(*size)])
    area = 2 * shown[0] * shown[1]
    assert count(sheet, (10, 200, 30)) == area
    assert count(sheet, (210, 20, 30)) == area
    assert count(sheet, tuple(colorize(np.ones(())).tolist())) >= area


def test_columns_are_truth_then_prediction_then_error():
    sheet = contact_sheet([judged(100, 100)]).astype(int)
    middle = sheet[100]
    first = [int(np.argmax((middle == c).all(-1))) for c in ((10, 200, 30), (210, 20, 30))]
    error = int(np.argmax((middle == colorize(np.ones(()))).all(-1)))
    assert 0 < first[0] < first[1] < error


def test_views_of_different_sizes_fit_in_one_sheet():
    sheet = contact_sheet([judged(50, 300), judged(300, 50, "a name of any language: été 東京")])
    assert count(sheet, (10, 200, 30)) == 2 * 50 * 300


def test_no_view_is_refused():
    with pytest.raises(ValueError, match="judged must have at least one view"):
        contact_sheet([])
