"""Visible samples: those that enough light reaches, told from the density alone."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import native, place, placed

LEAST_LIGHT = 1e-4  # an 8-bit image resolves 4e-3
FIRST_WINDOW = 8


@placed
def visible(offset: Tensor, thickness: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    r"""Indices of the samples in front of which the transmittance is at least 1e-4.

    All rays advance together, by windows of 8, 16, 32, ... samples, until they are used up or dark:
    most of what is hidden is never asked for.

    Formula
        sample k of a ray is kept while $\exp(-\sum_{j<k} \tau_j) \ge 10^{-4}$,
        $\tau = \sigma \delta$
    Shape
        offset ``(R + 1,)`` int64 -> index ``(S',)`` int64 ascending, and the offset ``(R + 1,)`` of
        what is kept
    Raises
        TypeError, ValueError: another dtype, shape or device; offset not rising from 0.
    Source
        early ray termination, Levoy 1990, "Efficient Ray Tracing of Volume Data"

    Args:
        thickness: Indices ``(W,)`` int64 of samples -> their $\tau$ ``(W,)`` float32.
    """
    offset = check.packing("visible", offset)
    rays, most, width = len(offset) - 1, -math.log(LEAST_LIGHT), FIRST_WINDOW
    seen = torch.zeros(rays, dtype=torch.int64, device=place())
    depth = torch.zeros(rays, device=place())
    while True:
        window = torch.zeros_like(offset)
        native.window_counts(offset, seen, depth, most, width, window[1:])
        index = _indices(offset, seen, window)
        if not len(index):
            break
        tau = check.floats("visible", "thickness", thickness(index), len(index))
        native.window_advance(window, tau, most, seen, depth)
        width *= 2
    kept = torch.zeros_like(offset)
    kept[1:] = seen
    return _indices(offset, None, kept), kept


def _indices(offset: Tensor, seen: Tensor | None, window: Tensor) -> Tensor:
    """Indices of the window[r + 1] samples of ray r after those seen; `window` is summed up."""
    window.cumsum_(0)
    index = torch.empty(int(window[-1]), dtype=torch.int64, device=place())
    native.window_indices(offset, seen, window, index)
    return index
