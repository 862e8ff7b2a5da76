"""PSNR and SSIM of 8-bit images, in float64."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nfield.errors import InputError

WINDOW = 11
SIGMA = 1.5
K1, K2 = 0.01, 0.03
_STRIP = 16  # outputs of one small matrix product; a strip reads _STRIP + WINDOW - 1 inputs


def psnr(
    prediction: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    mask: NDArray[np.bool_] | None = None,
) -> float:
    r"""Peak signal-to-noise ratio of one image.

    Formula
        $-10 \log_{10} \frac{1}{HWC} \sum (a - b)^2$ with a, b in [0, 1]; infinite if a = b.
        A mask multiplies both images, so masked pixels count as pixels without error.
    Shape
        prediction, truth ``(H, W, C)`` uint8; mask ``(H, W)`` bool, True = pixel counts
    Units
        decibel
    Raises
        ValueError: shapes or dtypes differ from these.
    Source
        NerfBaselines, protocol "nerf"
    """
    a, b = _unit(prediction, truth, mask)
    error = float(np.mean(np.square(a - b)))
    return -10.0 * math.log10(error) if error > 0.0 else math.inf


def ssim(
    prediction: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    mask: NDArray[np.bool_] | None = None,
) -> float:
    r"""Structural similarity of one image, mean over pixels and channels.

    Formula
        $\frac{(2 \mu_a \mu_b + c_1)(2 \sigma_{ab} + c_2)}
        {(\mu_a^2 + \mu_b^2 + c_1)(\sigma_a^2 + \sigma_b^2 + c_2)}$, $c_i = k_i^2$ for images in
        [0, 1]; moments under an 11-tap Gaussian of sigma 1.5, only where the whole window lies in
        the image; variances clipped to be positive and $|\sigma_{ab}| \le \sigma_a \sigma_b$.
        A mask multiplies both images.
    Shape
        prediction, truth ``(H, W, C)`` uint8, H and W >= 11; mask ``(H, W)`` bool
    Raises
        InputError: the image is smaller than the window.
        ValueError: shapes or dtypes differ from these.
    Source
        Wang et al. 2004, IEEE TIP 13(4), Eq. 13; the window as in dm_pix and NerfBaselines
    """
    a, b = _unit(prediction, truth, mask)
    height, width = a.shape[:2]
    if min(height, width) < WINDOW:
        raise InputError(
            f"SSIM: image must be at least {WINDOW}x{WINDOW} pixels, got {width}x{height}; "
            "use a smaller --downscale"
        )
    planes = zip(*(np.ascontiguousarray(np.moveaxis(x, 2, 0)) for x in (a, b)), strict=True)
    return float(np.mean([_similarity(x, y) for x, y in planes]))


def _unit(
    prediction: NDArray[np.uint8], truth: NDArray[np.uint8], mask: NDArray[np.bool_] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if prediction.dtype != np.uint8 or truth.dtype != np.uint8:
        raise ValueError(
            f"metrics: images must be uint8, got {prediction.dtype} and {truth.dtype}; "
            "round them with nfield.evaluate.protocol.to_uint8"
        )
    if prediction.shape != truth.shape or truth.ndim != 3 or truth.size == 0:
        raise ValueError(
            "metrics: prediction and truth must be images of one shape (H, W, C), "
            f"got {prediction.shape} and {truth.shape}"
        )
    if mask is None:
        return prediction / 255.0, truth / 255.0
    if mask.shape != truth.shape[:2] or mask.dtype != np.bool_:
        raise ValueError(
            f"metrics: mask must be bool of shape {truth.shape[:2]}, got {mask.dtype} {mask.shape}"
        )
    kept = mask[..., None] / 255.0
    return prediction * kept, truth * kept


def _similarity(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    mean_a, mean_b = _blur(a), _blur(b)
    # Rounding can leave a flat region a variance just below zero; dm_pix clips at eps(float32)^2.
    floor = float(np.finfo(np.float32).eps) ** 2
    var_a = np.maximum(_blur(a * a) - mean_a * mean_a, floor)
    var_b = np.maximum(_blur(b * b) - mean_b * mean_b, floor)
    limit = np.sqrt(var_a * var_b)
    covariance = np.clip(_blur(a * b) - mean_a * mean_b, -limit, limit)
    c1, c2 = K1**2, K2**2
    above = (2.0 * mean_a * mean_b + c1) * (2.0 * covariance + c2)
    return above / ((mean_a * mean_a + mean_b * mean_b + c1) * (var_a + var_b + c2))


def _blur(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Valid Gaussian window of ``(H, W)``: banded matrix products, strip by strip."""
    rows = np.empty((x.shape[0] - WINDOW + 1, x.shape[1]))
    for start in range(0, rows.shape[0], _STRIP):
        out = rows[start : start + _STRIP]
        np.matmul(
            _BAND[: len(out), : len(out) + WINDOW - 1], x[start:][: len(out) + WINDOW - 1], out
        )
    result = np.empty((rows.shape[0], x.shape[1] - WINDOW + 1))
    for start in range(0, result.shape[1], _STRIP):
        n = min(_STRIP, result.shape[1] - start)
        taken = rows[:, start : start + n + WINDOW - 1]
        result[:, start : start + n] = taken @ _BAND[:n, : n + WINDOW - 1].T
    return result


def _band() -> NDArray[np.float64]:
    taps = np.exp(-0.5 * ((np.arange(WINDOW) - WINDOW // 2) / SIGMA) ** 2)
    band = np.zeros((_STRIP, _STRIP + WINDOW - 1))
    for row in range(_STRIP):
        band[row, row : row + WINDOW] = taps / taps.sum()
    return band


_BAND = _band()
