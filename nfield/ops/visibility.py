"""Visible samples: those that enough light reaches, told from the density alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import native

LEAST_LIGHT = 1e-4  # an 8-bit image resolves 4e-3


def visible(thickness: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
    r"""Indices of the samples in front of which the transmittance is at least 1e-4.

    Formula
        sample k of a ray is kept while $\exp(-\sum_{j<k} \tau_j) \ge 10^{-4}$,
        $\tau = \sigma \delta$
    Shape
        thickness ``(S,)`` float32, offset ``(R + 1,)`` int64 -> index ``(S',)`` int64 ascending,
        and the offset ``(R + 1,)`` of what is kept
    Raises
        TypeError, ValueError: another dtype, shape or device; offset not ending at S.
    Source
        early ray termination, Levoy 1990, "Efficient Ray Tracing of Volume Data"
    """
    thickness = check.floats("visible", "thickness", thickness, None)
    offset = check.packing("visible", offset, len(thickness))
    kept_offset = torch.zeros_like(offset)
    native.visible_counts(offset, thickness, -math.log(LEAST_LIGHT), kept_offset[1:])
    kept_offset.cumsum_(0)
    index = torch.empty(int(kept_offset[-1]), dtype=torch.int64)
    native.visible_indices(offset, kept_offset, index)
    return index, kept_offset
