"""What training, rendering and conversion ask of a radiance field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor, nn


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that share their optimizer's settings.

    Args:
        rate: Factor on the run's learning rate.
    """

    parameters: Sequence[nn.Parameter]
    rate: float = 1.0


@runtime_checkable
class RadianceField(Protocol):
    """Positions to density and colour in two steps, so that the latent can be shared.

    Shape
        x ``(N, 3)`` float32 in the unit cube, d ``(N, 3)`` float32 unit, h ``(N, H)`` with the raw
        density in column 0; density ``(N,)`` per half size of the scene's inner cube, >= 0;
        color ``(N, 3)`` sRGB in [0, 1]
    """

    def features(self, x: Tensor) -> Tensor:
        """Position to latent."""
        ...

    def density(self, h: Tensor) -> Tensor:
        """Latent to density."""
        ...

    def color(self, h: Tensor, d: Tensor) -> Tensor:
        """Latent and direction to colour."""
        ...

    def parameter_groups(self) -> list[ParameterGroup]:
        """All parameters, each in one group."""
        ...
