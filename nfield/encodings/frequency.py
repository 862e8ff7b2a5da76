"""Positional encoding: sines and cosines of coordinates at octaves."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nfield.ops import check
from nfield.ops.fourier import fourier


class Frequency(nn.Module):
    r"""Encode points by sines and cosines of each coordinate, one octave after another.

    Formula
        $y = [x,\ \sin 2^0 \pi x, \dots, \sin 2^{L-1} \pi x,\ \cos 2^0 \pi x, \dots,
        \cos 2^{L-1} \pi x]$ for L bands, each term a vector of in_dim values
    Shape
        x ``(N, in_dim)`` float32 -> ``(N, out_dim)`` float32
    Raises
        ValueError: sizes outside those the kernel takes.
    Source
        Mildenhall et al. 2020, NeRF, arXiv:2003.08934, Eq. 4; there the terms come in another order

    Args:
        in_dim: 1 to 4.
        bands: Number of octaves, 1 to 32.
        include_input: Whether the coordinates themselves come first.
    """

    frequencies: Tensor

    def __init__(self, in_dim: int, bands: int, *, include_input: bool = True):
        super().__init__()
        check.between("Frequency", "in_dim", in_dim, 1, 4)
        check.between("Frequency", "bands", bands, 1, 32)
        self.bands = bands
        self.include_input = include_input
        octaves = 2.0 ** torch.arange(-1, bands - 1)
        frequencies = torch.kron(octaves[:, None], torch.eye(in_dim))
        self.register_buffer("frequencies", frequencies, persistent=False)

    @property
    def out_dim(self) -> int:
        """Features of a point."""
        rows, in_dim = self.frequencies.shape
        return 2 * rows + in_dim * self.include_input

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        y = fourier(x, self.frequencies)
        return torch.cat([x, y], dim=1) if self.include_input else y

    def extra_repr(self) -> str:
        """Sizes, for printing."""
        in_dim = self.frequencies.shape[1]
        return f"in_dim={in_dim}, bands={self.bands}, include_input={self.include_input}"
