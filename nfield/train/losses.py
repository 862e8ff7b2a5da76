"""Losses by name, and the measure of a batch that people read."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss

FLOOR = 0.1  # of the relative loss, in units of the values


def relative_loss(values: Tensor, truth: Tensor) -> Tensor:
    r"""Squared error, weighted down where values are large.

    Formula
        mean of $(y - t)^2 / (|t| + 0.1)$
    Source
        settings of Chen et al. 2023, Factor Fields, arXiv:2302.01226, for distances
    """
    return ((values - truth).square() / (truth.abs() + FLOOR)).mean()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l2": mse_loss,
    "l1": l1_loss,
    "relative": relative_loss,
}


def batch_psnr(values: Tensor, truth: Tensor) -> float:
    """Peak signal-to-noise ratio of a batch in dB, for values in [0, 1]; at most 100."""
    return psnr_of(mean_square(values, truth))


def mean_square(values: Tensor, truth: Tensor) -> float:
    """Mean squared error of a batch."""
    return float(mse_loss(values.detach(), truth))


def psnr_of(error: float) -> float:
    """PSNR in dB of a mean squared error, for values in [0, 1]; at most 100."""
    return -10 * math.log10(max(error, 1e-10))
