"""Low-rank tensor encodings: learned planes and lines whose products are the features."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nfield.encodings.growth import resample
from nfield.ops import check
from nfield.ops.lowrank import MOST_CHANNELS, MOST_RESOLUTION, cp, vm
from nfield.ops.total_variation import total_variation


def _vertices(*shape: int) -> nn.Parameter:
    return nn.Parameter(nn.init.normal_(torch.empty(shape), std=0.1))


def _check_sizes(where: str, resolution: int, channels: int, least: int = 2) -> None:
    check.between(where, "resolution", resolution, least, MOST_RESOLUTION)
    check.between(where, "channels", channels, 1, MOST_CHANNELS)


class VM(nn.Module):
    """Encode points by planes times lines, one product for each pairing of axes.

    Formula
        see `nfield.ops.lowrank.vm`; vertices start normal with deviation 0.1
    Shape
        x ``(N, 3)`` float32 in [0, 1] -> ``(N, 3 * channels)`` float32; parameters ``planes``
        ``(3, resolution, resolution, channels)`` and ``lines`` ``(3, resolution, channels)``
    Raises
        ValueError: sizes outside those the kernel or the memory takes.
    Source
        Chen et al. 2022, TensoRF, arXiv:2203.09517, section 3

    Args:
        resolution: Vertices along each side of the cube.
        channels: Components of each of the three modes.
    """

    def __init__(self, *, resolution: int, channels: int):
        super().__init__()
        _check_sizes("VM", resolution, channels)
        check.fits_memory("VM", (3, resolution, resolution, channels))
        self.planes = _vertices(3, resolution, resolution, channels)
        self.lines = _vertices(3, resolution, channels)

    @property
    def out_dim(self) -> int:
        """Features of a point."""
        return 3 * self.lines.shape[2]

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return vm(x, self.planes, self.lines)

    def sparsity(self) -> Tensor:
        """Mean absolute vertex of the planes plus that of the lines, a scalar: the L1 penalty of
        the paper's section 4.
        """
        return _mean_absolute(self.planes) + _mean_absolute(self.lines)

    def total_variation(self) -> Tensor:
        """Roughness of the planes, a scalar: see `nfield.ops.total_variation.total_variation`."""
        return total_variation(self.planes)

    def grow(self, resolution: int) -> None:
        """Refine planes and lines: see `nfield.encodings.growth.resample`.

        New parameters take the places of the old ones, of which optimizers must be told.

        Raises:
            ValueError: a resolution below the present one, or more than the memory takes.
        """
        _, present, channels = self.lines.shape
        _check_sizes("VM.grow", resolution, channels, least=present)
        shape = (3, resolution, resolution, channels)
        check.fits_memory("VM.grow", shape)
        self.planes = nn.Parameter(resample(self.planes.detach(), shape))
        self.lines = nn.Parameter(resample(self.lines.detach(), (3, resolution, channels)))

    def extra_repr(self) -> str:
        """Sizes, for printing."""
        return "resolution={1}, channels={2}".format(*self.lines.shape)


class CP(nn.Module):
    """Encode points by the products of three lines, one along each axis.

    Formula
        see `nfield.ops.lowrank.cp`; vertices start normal with deviation 0.1
    Shape
        x ``(N, 3)`` float32 in [0, 1] -> ``(N, channels)`` float32; parameter ``lines``
        ``(3, resolution, channels)``, along z, y and x
    Raises
        ValueError: sizes outside those the kernel or the memory takes.
    Source
        Chen et al. 2022, TensoRF, arXiv:2203.09517, section 3

    Args:
        resolution: Vertices along each side of the cube.
        channels: Components.
    """

    def __init__(self, *, resolution: int, channels: int):
        super().__init__()
        _check_sizes("CP", resolution, channels)
        check.fits_memory("CP", (3, resolution, channels))
        self.lines = _vertices(3, resolution, channels)

    @property
    def out_dim(self) -> int:
        """Features of a point."""
        return self.lines.shape[2]

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return cp(x, self.lines)

    def sparsity(self) -> Tensor:
        """Mean absolute vertex, a scalar: the L1 penalty of the paper's section 4."""
        return _mean_absolute(self.lines)

    def total_variation(self) -> Tensor:
        """Roughness of the lines, a scalar: see `nfield.ops.total_variation.total_variation`."""
        return total_variation(self.lines)

    def grow(self, resolution: int) -> None:
        """Refine the lines: see `VM.grow`.

        Raises:
            ValueError: a resolution below the present one, or more than the memory takes.
        """
        _, present, channels = self.lines.shape
        _check_sizes("CP.grow", resolution, channels, least=present)
        check.fits_memory("CP.grow", (3, resolution, channels))
        self.lines = nn.Parameter(resample(self.lines.detach(), (3, resolution, channels)))

    def extra_repr(self) -> str:
        """Sizes, for printing."""
        return "resolution={1}, channels={2}".format(*self.lines.shape)


def _mean_absolute(vertices: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(vertices, 1)
    return norm / vertices.numel()
