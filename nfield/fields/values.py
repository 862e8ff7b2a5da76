"""Fields of values at points: an encoding, a network and an output activation, composed."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from nfield.encodings.hash_grid import HashGrid
from nfield.fields.contract import Field
from nfield.fields.presets.values import HashSettings
from nfield.networks.mlp import MLP


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


def hash_image(settings: HashSettings, values: int) -> Values:
    """The preset `hash-image`."""
    return _hash(settings, 2, values)


def hash_distance(settings: HashSettings, values: int) -> Values:
    """The preset `hash-sdf`."""
    return _hash(settings, 3, values)


def hash_video(settings: HashSettings, values: int) -> Values:
    """The preset `hash-video`."""
    return _hash(settings, 3, values)


def _hash(settings: HashSettings, in_dim: int, values: int) -> Values:
    encoding = HashGrid(
        in_dim,
        levels=settings.levels,
        features=settings.features,
        log2_table=settings.log2_table,
        base_resolution=settings.base_resolution,
        finest_resolution=settings.finest_resolution,
    )
    network = MLP(encoding.out_dim, values, width=settings.width, hidden=settings.hidden)
    return Values(encoding, network)
