"""The colour map is perceptual: lightness rises evenly."""

from __future__ import annotations

import numpy as np

from nfield.render.colormap import colorize


def lightness(rgb: np.ndarray) -> np.ndarray:
    """CIE L* of 8-bit sRGB, a lightness other than the one the map is built with."""
    x = rgb / 255.0
    linear = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    y = linear @ [0.2126, 0.7152, 0.0722]
    return np.where(y > 0.008856, 116.0 * np.cbrt(y) - 16.0, 903.3 * y)


def test_lightness_rises_over_the_whole_scale():
    levels = lightness(colorize(np.linspace(0.0, 1.0, 33)))
    assert (np.diff(levels) > 0.0).all()
    assert levels[0] < 5.0
    assert levels[-1] > 93.0


def test_values_are_clipped_and_nan_is_grey():
    low, high, below, above, none = colorize(np.array([0.0, 1.0, -np.inf, 9.0, np.nan]))
    assert (low == below).all()
    assert (high == above).all()
    assert none.tolist() == [128, 128, 128]


def test_shape_is_kept_and_the_table_is_not_handed_out():
    first = colorize(np.zeros((2, 3, 4)))
    assert first.shape == (2, 3, 4, 3)
    first[:] = 200
    assert (colorize(np.zeros(())) != 200).all()
    assert colorize(np.zeros((0, 5))).shape == (0, 5, 3)
