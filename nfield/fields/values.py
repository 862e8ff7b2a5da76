"""Fields of values at points: an encoding, a network and an output activation, composed."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from nfield.fields.contract import Field, ParameterGroup
from nfield.networks.cam import CAM
from nfield.ops.pointwise import logistic


class Values(Field):
    r"""Values at points.

    Formula
        $y = \mathrm{activation}(M(\mathrm{encoding}(x)))$
    Shape
        x ``(N, D)`` in [0, 1] -> ``(N, O)``, see `nfield.fields.contract.ValueField`

    Args:
        encoding: Points to features.
        network: Features to raw values.
        activation: Raw values to values; none where they are the same.
    """

    def __init__(
        self,
        encoding: nn.Module,
        network: nn.Module,
        activation: Callable[[Tensor], Tensor] | None = None,
    ):
        super().__init__()
        self.encoding = encoding
        self.network = network
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        y: Tensor = self.network(self.encoding(x))
        return y if self.activation is None else self.activation(y)


class ModulatedValues(Values):
    r"""Values at points by a network that grids over some of the coordinates modulate.

    Formula
        $y = \mathrm{activation}(M(\mathrm{encoding}(x), p))$, p the coordinates from `first` on
    Shape
        as of `Values`

    Args:
        grid_rate: Factor on the learning rate of the grids.
        first: Index of the first coordinate of the grids: 0 of an image, 2, the time, of a video.
    """

    network: CAM

    def __init__(self, encoding: nn.Module, network: CAM, *, grid_rate: float, first: int = 0):
        super().__init__(encoding, network, logistic)
        self.grid_rate = grid_rate
        self.first = first

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        p = x[:, self.first :].contiguous()
        return logistic(self.network(self.encoding(x), p))

    def parameter_groups(self) -> list[ParameterGroup]:
        """The network, then the grids."""
        return [
            ParameterGroup(self.network.network_parameters()),
            ParameterGroup(self.network.grid_parameters(), self.grid_rate),
        ]
