"""The part of space that a scene fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Bounds:
    """The inner cube |x - center|_inf <= half_size, in world units.

    unbounded: the space outside the cube holds matter too, and is contracted.
    hull: (G, G, G) bool indexed [z][y][x], cells of the cube that can hold matter; None when
    unknown.
    """

    center: tuple[float, float, float]
    half_size: float
    unbounded: bool
    hull: np.ndarray | None

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and plain values that `from_state` makes the bounds of."""
        meta = {
            "center": list(self.center),
            "half_size": self.half_size,
            "unbounded": self.unbounded,
        }
        if self.hull is None:
            return {}, meta
        return {"bounds.hull": torch.from_numpy(self.hull.astype(np.uint8))}, meta

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> Bounds:
        """Inverse of `state`."""
        hull = tensors.get("bounds.hull")
        x, y, z = meta["center"]
        return cls(
            (x, y, z),
            meta["half_size"],
            meta["unbounded"],
            None if hull is None else hull.numpy().astype(bool),
        )
