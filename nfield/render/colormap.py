"""A perceptual colour map for depth and error pictures."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MISSING = 128  # grey of values that are not numbers


def colorize(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Map values in [0, 1], clipped, from dark violet over red to light yellow; NaN to grey.

    Formula
        Oklab lightness rises linearly, so equal differences look equal, in print and to colour
        blind readers too; hue runs from 290 to 460 degrees.
    Shape
        values ``(...)`` -> ``(..., 3)`` uint8 sRGB
    Source
        Oklab: Ottosson 2020, "A perceptual color space for image processing"
    """
    values = np.asarray(values, np.float64)
    known = np.nan_to_num(np.clip(values, 0.0, 1.0))
    colors = _table()[np.floor(known * 255.0 + 0.5).astype(np.intp)]
    colors[np.isnan(values)] = _MISSING
    return colors


@cache
def _table() -> NDArray[np.uint8]:
    t = np.linspace(0.0, 1.0, 256)
    lightness = 0.16 + 0.80 * t
    hue = np.radians(290.0 + 170.0 * t)
    chroma = 0.05 + 0.135 * np.sin(math.pi * t**0.9)
    a, b = chroma * np.cos(hue), chroma * np.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = np.stack(
        [
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        ],
        axis=1,
    ).clip(0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1.0 / 2.4) - 0.055)
    return np.floor(encoded * 255.0 + 0.5).astype(np.uint8)
