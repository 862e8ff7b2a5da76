"""How the picture grows sharper: sizes of the pictures that a resting camera is shown."""

from __future__ import annotations

import math

FINER = 2.0  # times the side of the picture before
SMALLEST = 24  # pixels along the longer side
_SHARE = 0.7  # of a picture's time that goes to rays; the rest encodes and sends it


def sizes(aspect: float, side: int, rays: float) -> list[tuple[int, int]]:
    """Widths and heights of a view's pictures, coarse to fine.

    The first has about as many pixels as there is time for, each next one twice the sides, and the
    last has `side` pixels along its longer side.

    Args:
        rays: Number of rays that can be rendered in the time of a picture.
    """
    longest = max(SMALLEST, math.sqrt(max(_SHARE * rays, 1.0) * max(aspect, 1 / aspect)))
    found = []
    # A picture that is almost the last would only delay it.
    while longest < side / math.sqrt(FINER):
        found.append(_size(aspect, longest))
        longest *= FINER
    return [*found, _size(aspect, side)]


def _size(aspect: float, longest: float) -> tuple[int, int]:
    width, height = (longest, longest / aspect) if aspect >= 1 else (longest * aspect, longest)
    return max(round(width), 1), max(round(height), 1)
