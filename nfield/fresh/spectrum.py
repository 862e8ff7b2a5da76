"""The spectrum of images: how much of them lies at each frequency."""

from __future__ import annotations

import torch
from torch import Tensor

# Of a constant image's mean, what rounding to float32 may leave in other bins.
ROUNDING = 1e-6


def spectrum(values: Tensor, m: int) -> Tensor:
    r"""Share of each of the m lowest frequencies in an image, or in all images of a stack.

    Formula
        $s_n = a_n / \sum_{k=1}^m a_k$, see `amplitudes`
    Shape
        values ``(C, H, W)`` or ``(F, C, H, W)`` floating point, H and W >= 2 m -> ``(m,)`` float64
    Raises
        ValueError: see `amplitudes` and `normalized`.
    Source
        Kania et al. 2025, FreSh, arXiv:2410.05050
    """
    return normalized(amplitudes(values, m))


def amplitudes(values: Tensor, m: int) -> Tensor:
    r"""Amplitude at the frequencies 0 to m, summed over directions, channels and images.

    Formula
        $a_n = \sum_{images, channels} \sum_{|f_x| + |f_y| = n} |\hat y(f_x, f_y)|$ with frequencies
        in waves per side of the image, so that an image that is not square counts as stretched to
        a square. A wave of amplitude a counts a in any
        direction and phase, and in an image of any size.
    Shape
        values as in `spectrum` -> ``(m + 1,)`` float64
    Raises
        ValueError: another shape, a side shorter than 2 m, or values that are not finite.
    Source
        Kania et al. 2025, FreSh, arXiv:2410.05050. There a bin is the sum of the transform's
        indices, which mixes in negative frequencies; |f_x| + |f_y| does not.
    """
    _check(values, m)
    height, width = values.shape[-2:]
    # Half of the plane: a real image has the same amplitude at f and -f.
    half = torch.fft.rfft2(values.flatten(0, -3), norm="forward").abs().sum(0, dtype=torch.float64)
    fy = torch.fft.fftfreq(height, 1 / height).round().abs().long()
    fx = torch.arange(half.shape[1])
    # Both f and -f are in the column fx = 0, and in that of an even width's highest frequency.
    copies = torch.where((fx == 0) | (2 * fx == width), 1.0, 2.0)
    n = fy[:, None] + fx
    kept = n <= m
    return torch.bincount(n[kept], (half * copies)[kept], minlength=m + 1)


def normalized(amplitude: Tensor) -> Tensor:
    """Shares ``(m,)`` of the amplitudes ``(m + 1,)`` but the mean's, with sum 1.

    Raises:
        ValueError: there is nothing but the mean.
    """
    total = float(amplitude[1:].sum())
    if total <= ROUNDING * float(amplitude[0]):
        raise ValueError(
            f"spectrum: values must vary at frequencies 1 to {len(amplitude) - 1}, "
            f"got amplitude {total:g} beside a mean of {float(amplitude[0]):g}"
        )
    return amplitude[1:] / total


def _check(values: Tensor, m: int) -> None:
    if values.dim() not in (3, 4) or not values.is_floating_point() or values.numel() == 0:
        raise ValueError(
            "spectrum: values must be floating point of shape (C, H, W) or (F, C, H, W), "
            f"got {values.dtype} {tuple(values.shape)}"
        )
    if m < 1:
        raise ValueError(f"spectrum: m must be at least 1, got {m}")
    height, width = values.shape[-2:]
    if min(height, width) < 2 * m:
        raise ValueError(
            f"spectrum: sides of the image must be at least 2 m = {2 * m} pixels, "
            f"got {width}x{height}; use a smaller m"
        )
    if not bool(values.isfinite().all()):
        raise ValueError(
            "spectrum: values must be finite, got NaN or infinity; repair the image or the field"
        )
