"""Tri-plane encoding: learned features on the three coordinate planes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nfield.encodings.growth import resample
from nfield.ops import check
from nfield.ops.total_variation import total_variation
from nfield.ops.triplane import TriplaneShape, triplane


class TriPlane(nn.Module):
    """Encode points by the sum of bilinear blends on the planes xy, xz and yz.

    Formula
        see `nfield.ops.triplane.triplane`; vertices start normal with deviation 0.1
    Shape
        x ``(N, 3)`` float32 in [0, 1] -> ``(N, channels)`` float32;
        parameter ``planes`` ``(3, resolution, resolution, channels)``
    Raises
        ValueError: sizes outside those the kernel or the memory takes.
    Source
        Chan et al. 2022, EG3D, arXiv:2112.07945

    Args:
        resolution: Vertices along each side of a plane.
        channels: Features of a vertex.
    """

    def __init__(self, *, resolution: int, channels: int):
        super().__init__()
        self.shape = TriplaneShape(resolution, channels)
        check.fits_memory("TriPlane", self.shape.planes)
        self.planes = nn.Parameter(nn.init.normal_(torch.empty(self.shape.planes), std=0.1))

    @property
    def out_dim(self) -> int:
        """Features of a point."""
        return self.shape.channels

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return triplane(x, self.planes, self.shape)

    def total_variation(self) -> Tensor:
        """Roughness of the planes, a scalar: see `nfield.ops.total_variation.total_variation`."""
        return total_variation(self.planes)

    def grow(self, resolution: int) -> None:
        """Refine the planes: see `nfield.encodings.growth.resample`.

        A new parameter takes the place of the old one, of which optimizers must be told.

        Raises:
            ValueError: a resolution below the present one, or more than the memory takes.
        """
        check.between("TriPlane.grow", "resolution", resolution, self.shape.resolution, 1 << 14)
        shape = TriplaneShape(resolution, self.shape.channels)
        check.fits_memory("TriPlane.grow", shape.planes)
        self.planes = nn.Parameter(resample(self.planes.detach(), shape.planes))
        self.shape = shape

    def extra_repr(self) -> str:
        """Sizes, for printing."""
        return str(self.shape)
