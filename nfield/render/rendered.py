"""What rendering gives: rays after compositing."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


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
