"""What rendering gives: rays after compositing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
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

    @classmethod
    def joined(cls, parts: Sequence[Rendered]) -> Rendered:
        """Rays of parts, one part after the other."""
        return cls(
            torch.cat([part.color for part in parts]),
            torch.cat([part.opacity for part in parts]),
            torch.cat([part.depth for part in parts]),
        )

    def cpu(self) -> Rendered:
        """The rays in the memory of the CPU."""
        return Rendered(self.color.cpu(), self.opacity.cpu(), self.depth.cpu())

    def over(self, background: Tensor) -> Tensor:
        """Colour ``(R, 3)`` over a background ``(R, 3)`` or ``(3,)``."""
        return self.color + (1 - self.opacity[:, None]) * background
