"""From rays to colours: march, ask the field, composite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from nfield.ops.composite import composite
from nfield.ops.march import Samples

Shade = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Rendered:
    """Rays after compositing, without background.

    Shape
        color ``(R, 3)`` premultiplied by opacity, opacity ``(R,)``, depth ``(R,)`` the sum of w t
        in world units
    """

    color: Tensor
    opacity: Tensor
    depth: Tensor

    def over(self, background: Tensor) -> Tensor:
        """Colour ``(R, 3)`` over a background ``(R, 3)`` or ``(3,)``."""
        return self.color + (1 - self.opacity[:, None]) * background


def render_samples(
    samples: Samples, directions: Tensor, half_size: float, shade: Shade
) -> Rendered:
    """Composite the packed samples of rays.

    Args:
        directions: Of the rays, ``(R, 3)`` unit.
        half_size: World length that the field's density is counted in.
        shade: Unit-cube points and directions ``(S, 3)`` -> density ``(S,)``, colour ``(S, 3)``.
    """
    sigma, rgb = shade(samples.x, directions.index_select(0, samples.ray))
    return Rendered(*composite(sigma, rgb, samples.t, samples.dt / half_size, samples.offset))
