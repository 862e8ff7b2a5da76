"""What value fields are fitted to, whatever it was read from."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Points(Protocol):
    """Points with the values that a field should have there."""

    @property
    def out_dim(self) -> int:
        """Values of a point."""
        ...

    def __len__(self) -> int: ...

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """`count` random points ``(N, D)`` in [0, 1] and their values ``(N, O)``, float32.

        Where there are not more than `count` all are given, in order, every time.
        """
        ...


class Target(Protocol):
    """An image, a shape or a video."""

    @property
    def name(self) -> str: ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the input, one sentence each."""
        ...

    def points(self, seed: int) -> Points:
        """What is fitted; equal seeds give equal bits."""
        ...
