"""Spectra count waves by |fx| + |fy|, in any direction, phase and size of image."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from nfield.fresh.spectrum import amplitudes, spectrum
from tests.fresh.images import wave

ROUNDING = {"atol": 1e-12, "rtol": 0.0}  # float64 sums of some ten thousand terms near 1


def only(n: int, m: int) -> Tensor:
    return torch.nn.functional.one_hot(torch.tensor(n - 1), m).double()


@pytest.mark.parametrize(("fx", "fy"), [(5, 0), (0, 5), (3, 2), (3, -2), (-1, 4), (16, 0), (0, 16)])
@pytest.mark.parametrize(("width", "height"), [(32, 32), (33, 47), (64, 40)])
def test_a_wave_lies_in_its_bin(fx: int, fy: int, width: int, height: int) -> None:
    image = wave(fx, fy, width, height)
    assert_close(spectrum(image, 16), only(abs(fx) + abs(fy), 16), **ROUNDING)


def test_float32_images_serve_too() -> None:
    # float32's transform leaves some 1e-7 of the amplitude in each of a few hundred places.
    got = spectrum(7.0 + wave(3, 2, 64, 48).float(), 16)
    assert_close(got, only(5, 16), atol=1e-3, rtol=0.0)


@settings(deadline=None, max_examples=40)
@given(
    waves=st.dictionaries(
        st.tuples(st.integers(0, 9), st.integers(-9, 9)).filter(lambda f: f > (0, 0)),
        st.tuples(st.floats(0.1, 5), st.floats(0, 6)),
        min_size=1,
        max_size=6,
    ),
    m=st.integers(1, 10),
    size=st.tuples(st.integers(20, 45), st.integers(20, 45)),
)
def test_amplitudes_are_conserved(
    waves: dict[tuple[int, int], tuple[float, float]], m: int, size: tuple[int, int]
) -> None:
    """Each wave's amplitude is in its bin, or beyond m; nothing is lost, nothing is added."""
    image = torch.full((1, size[1], size[0]), 2.5, dtype=torch.float64)
    want = torch.zeros(m + 1, dtype=torch.float64)
    want[0] = 2.5
    for (fx, fy), (amplitude, phase) in waves.items():
        image += amplitude * wave(fx, fy, *size, phase)
        if abs(fx) + abs(fy) <= m:
            want[abs(fx) + abs(fy)] += amplitude
    assert_close(amplitudes(image, m), want, atol=1e-11, rtol=0.0)


def test_noise_agrees_with_a_sum_over_the_whole_plane() -> None:
    image = torch.randn(
        2, 3, 34, 41, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
    want = torch.zeros(17, dtype=torch.float64)
    plane = torch.fft.fft2(image).abs().sum((0, 1))
    for i in range(34):
        for j in range(41):
            n = min(i, 34 - i) + min(j, 41 - j)
            if 1 <= n <= 17:
                want[n - 1] += plane[i, j]
    assert_close(spectrum(image, 17), want / want.sum(), **ROUNDING)


def test_scale_mean_and_transposition_do_not_matter() -> None:
    image = torch.randn(3, 50, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    want = spectrum(image, 20)
    for same in (-3.0 * image, image + 5.0, image.transpose(1, 2), image.roll((7, 9), (1, 2))):
        assert_close(spectrum(same, 20), want, **ROUNDING)
    assert float(want.sum()) == pytest.approx(1.0, abs=1e-12)


def test_a_stack_adds_up_its_images() -> None:
    stack = torch.stack([wave(2, 0, 32, 32), 3.0 * wave(0, 7, 32, 32)])
    assert_close(spectrum(stack, 16), 0.25 * only(2, 16) + 0.75 * only(7, 16), **ROUNDING)
    assert_close(spectrum(stack, 16), spectrum(stack.flatten(0, 1), 16), **ROUNDING)


def test_stretching_keeps_waves_per_side() -> None:
    assert_close(spectrum(wave(3, 4, 90, 32), 16), spectrum(wave(3, 4, 32, 32), 16), **ROUNDING)


@pytest.mark.parametrize(
    ("values", "m", "message"),
    [
        (torch.rand(3, 32, 31), 16, "at least 2 m = 32 pixels, got 31x32; use a smaller m"),
        (torch.rand(3, 31, 64), 16, "at least 2 m = 32 pixels, got 64x31"),
        (torch.rand(32, 32), 16, r"floating point of shape .* got torch.float32 \(32, 32\)"),
        (torch.zeros(3, 32, 32, dtype=torch.uint8), 16, "floating point .* got torch.uint8"),
        (torch.rand(0, 3, 32, 32), 16, r"got torch.float32 \(0, 3, 32, 32\)"),
        (torch.rand(3, 32, 32), 0, "m must be at least 1, got 0"),
        (torch.full((3, 32, 32), torch.nan), 16, "must be finite, got NaN"),
        (torch.rand(3, 32, 32).where(torch.eye(32) == 0, -torch.inf), 16, "must be finite"),
        (torch.full((3, 32, 32), 0.7), 16, "must vary at frequencies 1 to 16"),
        (torch.zeros(3, 32, 32), 16, "must vary at frequencies 1 to 16"),
    ],
)
def test_refusals(values: Tensor, m: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spectrum(values, m)
