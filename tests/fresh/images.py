"""Images whose spectra are known."""

from __future__ import annotations

import torch
from torch import Tensor


def wave(fx: int, fy: int, width: int, height: int, phase: float = 0.3) -> Tensor:
    """Cosine ``(1, H, W)`` float64 of amplitude 1, frequencies in waves per side."""
    x = (torch.arange(width, dtype=torch.float64) + 0.5) / width
    y = (torch.arange(height, dtype=torch.float64) + 0.5) / height
    return torch.cos(2 * torch.pi * (fx * x + fy * y[:, None]) + phase)[None]


def falling(power: float, side: int, seed: int = 0) -> Tensor:
    """Noise ``(3, side, side)`` whose amplitude falls as 1 / f^power, within [-1, 1]."""
    generator = torch.Generator().manual_seed(seed)
    waves = torch.fft.rfft2(torch.randn(3, side, side, generator=generator))
    fy = torch.fft.fftfreq(side, 1 / side)
    fx = torch.fft.rfftfreq(side, 1 / side)
    f = torch.hypot(fy[:, None], fx)
    f[0, 0] = torch.inf  # no mean
    image = torch.fft.irfft2(waves * f**-power if power else waves * f.isfinite(), (side, side))
    return image / image.abs().max()
