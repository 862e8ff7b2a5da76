"""Radiance fields: an encoding, a density network and colours, composed."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nfield.encodings.hash_grid import HashGrid
from nfield.encodings.spherical_harmonics import SphericalHarmonics
from nfield.fields.contract import Field
from nfield.fields.presets.radiance import NgpSettings
from nfield.networks.mlp import MLP
from nfield.ops.pointwise import exponential, logistic

# exp(12) times the shortest step is opaque many times over; its gradient still fits float32.
MAX_RAW_DENSITY = 12.0


def exponential_density(raw: Tensor) -> Tensor:
    """exp(min(raw, 12)); arXiv:2201.05989, Sec. 5.4."""
    return exponential(raw, MAX_RAW_DENSITY)


class NetworkColor(nn.Module):
    r"""Colours by a network of latent and direction.

    Formula
        $c = \mathrm{sigmoid}(M(h, Y(d)))$, $Y$ the spherical harmonics up to degree 3
    Shape
        h ``(N, latent)``, d ``(N, 3)`` unit -> ``(N, 3)``
    Source
        Mueller et al. 2022, Instant-NGP, arXiv:2201.05989, Sec. 5.4
    """

    def __init__(self, latent: int, *, width: int, hidden: int):
        super().__init__()
        self.directions = SphericalHarmonics(4)
        self.network = MLP(latent + self.directions.out_dim, 3, width=width, hidden=hidden)

    def forward(self, h: Tensor, d: Tensor) -> Tensor:
        """See the class."""
        return logistic(self.network(torch.cat([h, self.directions(d)], 1)))


class Radiance(Field):
    r"""A radiance field of three parts.

    Formula
        $h = M(\mathrm{encoding}(x))$, $\sigma = \mathrm{activation}(h_0)$, $c = C(h, d)$
    Shape
        see `nfield.fields.contract.RadianceField`

    Args:
        encoding: Points ``(N, 3)`` in the unit cube -> features.
        density_network: Features -> latent, raw density first.
        color: Latent and direction -> colours in [0, 1].
        activation: Raw density ``(N,)`` -> density.
    """

    def __init__(
        self,
        encoding: nn.Module,
        density_network: nn.Module,
        color: nn.Module,
        activation: Callable[[Tensor], Tensor] = exponential_density,
    ):
        super().__init__()
        self.encoding = encoding
        self.density_network = density_network
        self.color_head = color
        self.activation = activation

    def features(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.density_network(self.encoding(x))

    def density(self, h: Tensor) -> Tensor:
        """See the class."""
        return self.activation(h[:, 0])

    def color(self, h: Tensor, d: Tensor) -> Tensor:
        """See the class."""
        return self.color_head(h, d)


def ngp(settings: NgpSettings) -> Radiance:
    """The preset `ngp`."""
    encoding = HashGrid(
        3,
        levels=settings.levels,
        features=settings.features,
        log2_table=settings.log2_table,
        base_resolution=settings.base_resolution,
        finest_resolution=settings.finest_resolution,
    )
    latent = 1 + settings.geometry_features
    return Radiance(
        encoding,
        MLP(encoding.out_dim, latent, width=settings.width, hidden=settings.density_hidden),
        NetworkColor(latent, width=settings.width, hidden=settings.color_hidden),
    )
