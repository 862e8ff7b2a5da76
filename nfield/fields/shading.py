"""A radiance field as one function, from points and directions to densities and colours."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class Shading(nn.Module):
    """Density and colour at once, as a training step asks for them.

    Shape
        x ``(N, 3)`` in the unit cube, d ``(N, 3)`` unit -> ``(N,)``, ``(N, 3)``, see
        `nfield.fields.contract.RadianceField`
    """

    def __init__(self, field: Any):
        super().__init__()
        self.field = field

    def forward(self, x: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        h = self.field.features(x)
        return self.field.density(h), self.field.color(h, d)
