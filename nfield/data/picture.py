"""One image as a target: its pixels as values at points of the unit square."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from nfield.data.images import read_picture
from nfield.data.raster import Raster


@dataclass(frozen=True)
class Picture:
    """An image with 1 (grey) or 3 (sRGB) channels, without transparency.

    notes: what was done to the file's pixels, one sentence each.
    """

    name: str
    path: str
    pixels: Raster
    notes: tuple[str, ...] = ()

    def points(self, seed: int) -> Raster:
        """What is fitted: all pixels."""
        return self.pixels


def load_picture(data: str, *, downscale: int = 1, background: str = "white") -> Picture:
    """Read an image file.

    Args:
        downscale: Areas of this many pixels a side are averaged; what does not divide is cropped.
        background: `black`, or white for anything else: what transparency is composited on.

    Raises:
        InputError: the file is missing, damaged, too large, or of a kind that is not read.
    """
    file = Path(data)
    pixels, notes = read_picture(file, downscale, black=background == "black")
    return Picture(file.stem, data, Raster(torch.from_numpy(pixels)), notes)
