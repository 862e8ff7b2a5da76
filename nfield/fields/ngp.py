"""Instant-NGP's radiance field: a hash grid between two small perceptrons."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nfield.encodings.hash_grid import HashGrid
from nfield.encodings.spherical_harmonics import SphericalHarmonics
from nfield.fields.contract import ParameterGroup
from nfield.fields.presets.radiance import NgpSettings
from nfield.networks.mlp import MLP
from nfield.ops.pointwise import exponential, logistic

# exp(12) times the shortest step is opaque many times over; its gradient still fits float32.
MAX_RAW_DENSITY = 12.0


class Ngp(nn.Module):
    r"""Radiance field on a hash grid.

    Formula
        $h = M_\sigma(\mathrm{hash}(x))$, $\sigma = \exp(h_0)$, $c = \mathrm{sigmoid}(M_c(h, Y(d)))$
    Shape
        see `nfield.fields.contract.RadianceField`; H = 1 + geometry_features
    Source
        Mueller et al. 2022, Instant-NGP, arXiv:2201.05989, Sec. 5.4
    """

    def __init__(self, settings: NgpSettings):
        super().__init__()
        self.encoding = HashGrid(
            3,
            levels=settings.levels,
            features=settings.features,
            log2_table=settings.log2_table,
            base_resolution=settings.base_resolution,
            finest_resolution=settings.finest_resolution,
        )
        self.directions = SphericalHarmonics(4)
        latent = 1 + settings.geometry_features
        self.density_network = MLP(
            self.encoding.out_dim, latent, width=settings.width, hidden=settings.density_hidden
        )
        self.color_network = MLP(
            latent + self.directions.out_dim, 3, width=settings.width, hidden=settings.color_hidden
        )

    def features(self, x: Tensor) -> Tensor:
        """See the class."""
        h: Tensor = self.density_network(self.encoding(x))
        return h

    def density(self, h: Tensor) -> Tensor:
        """See the class."""
        return exponential(h[:, 0], MAX_RAW_DENSITY)

    def color(self, h: Tensor, d: Tensor) -> Tensor:
        """See the class."""
        return logistic(self.color_network(torch.cat([h, self.directions(d)], 1)))

    def parameter_groups(self) -> list[ParameterGroup]:
        """One group: table and networks learn at one rate."""
        return [ParameterGroup(list(self.parameters()))]


def build(settings: NgpSettings) -> Ngp:
    """The preset `ngp`."""
    return Ngp(settings)
