"""What training, rendering and conversion ask of a field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor, nn


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that share their optimizer's settings.

    Args:
        rate: Factor on the run's learning rate.
        schedule: Learning rate by the share of the budget that is spent, in place of the run's.
    """

    parameters: Sequence[nn.Parameter]
    rate: float = 1.0
    schedule: Callable[[float], float] | None = None


class Field(nn.Module):
    """What training asks of every field, as it is for a field without special wishes."""

    def parameter_groups(self) -> list[ParameterGroup]:
        """All parameters, each in one group; asked again whenever the field has grown."""
        return [ParameterGroup(list(self.parameters()))]

    def regularization(self) -> Tensor | None:
        """What is added to the loss of a step, weighted by the field's own settings; or nothing."""
        return None

    def grow(self, progress: float) -> bool:
        """Refine grids as far as is due at a share of the budget; True if shapes changed.

        Shapes depend on `progress` in [0, 1] alone, which never falls: a new field that grows once
        has the shapes of one that has grown step by step.
        """
        return False


@runtime_checkable
class RadianceField(Protocol):
    """A field of positions to density and colour, in two steps that share the latent.

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
        """See `Field`."""
        ...

    def regularization(self) -> Tensor | None:
        """See `Field`."""
        ...

    def grow(self, progress: float) -> bool:
        """See `Field`."""
        ...


@runtime_checkable
class ValueField(Protocol):
    """A field of points to values: of an image, of the distance to a shape, of a video.

    Shape
        x ``(N, D)`` float32 in [0, 1], columns as `nfield.data.raster.centers` orders them ->
        ``(N, O)`` float32
    Units
        sRGB in [0, 1], or distances in sides of the unit cube
    """

    def __call__(self, x: Tensor) -> Tensor:
        """Points to values."""
        ...

    def parameter_groups(self) -> list[ParameterGroup]:
        """See `Field`."""
        ...

    def regularization(self) -> Tensor | None:
        """See `Field`."""
        ...

    def grow(self, progress: float) -> bool:
        """See `Field`."""
        ...
