"""Spherical harmonics encoding of directions."""

from __future__ import annotations

from torch import Tensor, nn

from nfield.ops.spherical_harmonics import spherical_harmonics


class SphericalHarmonics(nn.Module):
    """Encode unit directions by the first bands of real spherical harmonics.

    Shape
        d ``(N, 3)`` float32, unit -> ``(N, degree^2)`` float32
    Source
        Mueller et al. 2022, Instant-NGP, arXiv:2201.05989, Sec. 5.4

    Args:
        degree: Number of bands, 1 to 4.
    """

    def __init__(self, degree: int = 4):
        super().__init__()
        self.degree = degree

    @property
    def out_dim(self) -> int:
        """Values of a direction."""
        return self.degree**2

    def forward(self, d: Tensor) -> Tensor:
        """See the class."""
        return spherical_harmonics(d, self.degree)

    def extra_repr(self) -> str:
        """Bands, for printing."""
        return f"degree={self.degree}"
