"""PSNR and SSIM: hand values, a float64 reference written as the formula, other libraries."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nfield.errors import InputError
from nfield.evaluate.metrics import psnr, ssim


def images(height: int, width: int, *, noise: float = 20.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(height * 1000 + width)
    y, x = np.mgrid[:height, :width]
    truth = np.stack([127 + 120 * np.sin(x / f) * np.cos(y / f) for f in (3, 7, 19)], axis=2)
    prediction = truth + random.normal(0.0, noise, truth.shape)
    return np.clip(prediction, 0, 255).astype(np.uint8), truth.astype(np.uint8)


def reference_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """One window after the other, straight from the definition of the protocol."""
    a, b = a / 255.0, b / 255.0
    offset = np.arange(11) - 5
    window = np.exp(-(offset[:, None] ** 2 + offset[None, :] ** 2) / (2 * 1.5**2))
    window = (window / window.sum())[..., None]
    values = []
    for y in range(a.shape[0] - 10):
        for x in range(a.shape[1] - 10):
            p, q = a[y : y + 11, x : x + 11], b[y : y + 11, x : x + 11]
            mp, mq = (window * p).sum((0, 1)), (window * q).sum((0, 1))
            vp = np.maximum((window * p * p).sum((0, 1)) - mp**2, np.finfo(np.float32).eps ** 2)
            vq = np.maximum((window * q * q).sum((0, 1)) - mq**2, np.finfo(np.float32).eps ** 2)
            c = (window * p * q).sum((0, 1)) - mp * mq
            c = np.sign(c) * np.minimum(np.sqrt(vp * vq), np.abs(c))
            above = (2 * mp * mq + 1e-4) * (2 * c + 9e-4)
            values.append(above / ((mp**2 + mq**2 + 1e-4) * (vp + vq + 9e-4)))
    return float(np.mean(values))


def test_psnr_of_one_level_everywhere():
    truth = np.full((4, 5, 3), 100, np.uint8)
    # MSE is 1 / 255^2; two float64 roundings.
    assert psnr(truth + 1, truth) == pytest.approx(20 * math.log10(255), abs=1e-9)


def test_psnr_of_equal_images_is_infinite():
    truth = images(12, 12)[1]
    assert psnr(truth, truth) == math.inf


def test_psnr_does_not_wrap_around_at_8_bits():
    black = np.zeros((4, 4, 3), np.uint8)
    assert psnr(black + 255, black) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("shape", [(11, 11), (11, 40), (26, 27), (43, 12), (60, 33)])
def test_ssim_matches_the_definition_window_by_window(shape):
    prediction, truth = images(*shape)
    # Both in float64; only the order of summation differs.
    assert ssim(prediction, truth) == pytest.approx(reference_ssim(prediction, truth), abs=1e-12)


def test_ssim_of_a_flat_image_is_clipped_and_finite():
    flat, other = np.full((20, 20, 3), 77, np.uint8), np.full((20, 20, 3), 90, np.uint8)
    assert ssim(flat, other) == pytest.approx(reference_ssim(flat, other), abs=1e-9)


def test_ssim_of_equal_images_is_one():
    truth = images(30, 30)[1]
    assert ssim(truth, truth) == pytest.approx(1.0, abs=1e-12)


def test_ssim_is_symmetric_and_falls_with_noise():
    weak, strong = images(64, 64, noise=5.0), images(64, 64, noise=50.0)
    assert ssim(*weak) == pytest.approx(ssim(*weak[::-1]), abs=1e-12)
    assert ssim(*weak) > ssim(*strong) + 0.05


def test_both_match_scikit_image_with_the_same_settings():
    metrics = pytest.importorskip("skimage.metrics")
    prediction, truth = images(90, 70)
    want = metrics.structural_similarity(
        prediction,
        truth,
        win_size=11,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=2,
    )
    # It does not clip the variances, which this image does not need.
    assert ssim(prediction, truth) == pytest.approx(want, abs=1e-9)
    want = metrics.peak_signal_noise_ratio(truth, prediction, data_range=255)
    assert psnr(prediction, truth) == pytest.approx(want, abs=1e-9)


def test_mask_multiplies_both_images():
    prediction, truth = images(40, 30)
    mask = np.random.default_rng(0).random((40, 30)) < 0.6
    kept = mask[..., None].astype(np.uint8)
    assert psnr(prediction, truth, mask) == pytest.approx(psnr(prediction * kept, truth * kept))
    assert ssim(prediction, truth, mask) == pytest.approx(ssim(prediction * kept, truth * kept))
    assert psnr(prediction, truth, mask) > psnr(prediction, truth)


def test_too_small_an_image_is_refused_with_the_repair():
    small = np.zeros((10, 30, 3), np.uint8)
    with pytest.raises(InputError, match=r"at least 11x11 pixels, got 30x10; use a smaller --down"):
        ssim(small, small)


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_wrong_arrays_are_refused(metric):
    truth = images(12, 12)[1]
    with pytest.raises(ValueError, match="images must be uint8, got float64"):
        metric(truth / 255.0, truth)
    with pytest.raises(ValueError, match=r"one shape \(H, W, C\), got \(12, 11, 3\)"):
        metric(truth[:, 1:], truth)
    with pytest.raises(ValueError, match=r"mask must be bool of shape \(12, 12\), got float64"):
        metric(truth, truth, np.ones((12, 12)))
