"""Radiance fields: an encoding, a density network and colours, composed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nfield.encodings.spherical_harmonics import SphericalHarmonics
from nfield.fields.contract import Field, ParameterGroup
from nfield.fields.growth import Growth
from nfield.networks.cam import CAM
from nfield.networks.mlp import MLP
from nfield.ops.pointwise import exponential, logistic

# exp(12) times the shortest step is opaque many times over; its gradient still fits float32.
MAX_RAW_DENSITY = 12.0


class NetworkColor(nn.Module):
    r"""Colours by a network of latent and direction.

    Formula
        $c = \mathrm{sigmoid}(M(h, Y(d)))$, $Y$ four bands of spherical harmonics
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


class HarmonicColor(nn.Module):
    r"""Colours by spherical harmonics whose coefficients are the latent.

    Formula
        $c = \mathrm{sigmoid}(\sum_m k_m Y_m(d))$, with $k = h_{1:}$ as 3 rows of bands^2
    Shape
        h ``(N, latent)``, d ``(N, 3)`` unit -> ``(N, 3)``
    Source
        Yu et al. 2021, PlenOctrees, arXiv:2103.14024, Eq. 2

    Args:
        bands: 1 to 4.
    """

    def __init__(self, bands: int):
        super().__init__()
        self.directions = SphericalHarmonics(bands)

    @property
    def latent(self) -> int:
        """Columns of h: the raw density, then the coefficients."""
        return 1 + 3 * self.directions.out_dim

    def forward(self, h: Tensor, d: Tensor) -> Tensor:
        """See the class."""
        y = self.directions(d)
        coefficients = h[:, 1:].reshape(-1, 3, y.shape[1])
        return logistic(torch.bmm(coefficients, y[:, :, None]).squeeze(2))


@dataclass(frozen=True)
class Regime:
    """How the parts of a field are trained.

    Args:
        penalty: Regularization, weighted.
        growth: Of the encoding.
        network_rate: Learning rate of networks, as a factor on that of the encoding.
    """

    penalty: Callable[[], Tensor] | None = None
    growth: Growth | None = None
    network_rate: float = 1.0


class Radiance(Field):
    r"""A radiance field of three parts.

    Formula
        $h = M(\mathrm{encoding}(x))$, $\sigma = \exp(\min(h_0, 12))$, $c = C(h, d)$
    Shape
        see `nfield.fields.contract.RadianceField`
    Source
        Mueller et al. 2022, Instant-NGP, arXiv:2201.05989, Sec. 5.4, for the density

    Args:
        encoding: Points ``(N, 3)`` in the unit cube -> features.
        density_network: Features -> latent, raw density first.
        color: Latent and direction -> colours in [0, 1].
        regime: How the parts are trained.
    """

    def __init__(
        self,
        encoding: nn.Module,
        density_network: nn.Module,
        color: nn.Module,
        regime: Regime = Regime(),
    ):
        super().__init__()
        self.encoding = encoding
        self.density_network = density_network
        self.color_head = color
        self.regime = regime

    def features(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.density_network(self.encoding(x))

    def density(self, h: Tensor) -> Tensor:
        """See the class."""
        return exponential(h[:, 0], MAX_RAW_DENSITY)

    def color(self, h: Tensor, d: Tensor) -> Tensor:
        """See the class."""
        return self.color_head(h, d)

    def parameter_groups(self) -> list[ParameterGroup]:
        """The encoding's, then the networks'."""
        networks = [*self.density_network.parameters(), *self.color_head.parameters()]
        return [
            ParameterGroup(list(self.encoding.parameters())),
            ParameterGroup(networks, self.regime.network_rate),
        ]

    def regularization(self) -> Tensor | None:
        """See `Regime`."""
        return None if self.regime.penalty is None else self.regime.penalty()

    def grow(self, progress: float) -> bool:
        """See `Regime`."""
        return self.regime.growth is not None and self.regime.growth.grow(progress)


class ModulatedRadiance(Radiance):
    r"""A radiance field whose density network is modulated by grids over the points.

    Formula
        $h = M(\mathrm{encoding}(x), x)$, else as `Radiance`
    Shape
        as of `Radiance`

    Args:
        grid_rate: Factor on the learning rate of the grids.
    """

    density_network: CAM

    def __init__(self, encoding: nn.Module, network: CAM, color: nn.Module, *, grid_rate: float):
        super().__init__(encoding, network, color)
        self.grid_rate = grid_rate

    def features(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.density_network(self.encoding(x), x)

    def parameter_groups(self) -> list[ParameterGroup]:
        """The networks', then the grids'."""
        networks = [*self.density_network.network_parameters(), *self.color_head.parameters()]
        return [
            ParameterGroup(networks),
            ParameterGroup(self.density_network.grid_parameters(), self.grid_rate),
        ]
