"""Views made of arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from nfield.data.scene import Views
from nfield.render.cameras import Cameras


@dataclass(frozen=True)
class Arrays:
    images: Sequence[np.ndarray]
    masks: Sequence[np.ndarray | None]

    def image(self, i: int) -> np.ndarray:
        return self.images[i]

    def mask(self, i: int) -> np.ndarray | None:
        return self.masks[i]

    def truth(self, i: int) -> None:
        return None


@pytest.fixture
def make_views() -> Callable[..., Views]:
    def make(images: Sequence[np.ndarray], masks: Sequence[np.ndarray | None] = ()) -> Views:
        count = len(images)
        cameras = Cameras(
            torch.eye(3, 4).repeat(count, 1, 1),
            torch.ones(count, 4),
            torch.zeros(count, 6),
            torch.zeros(count, dtype=torch.int32),
            torch.tensor([[i.shape[1], i.shape[0]] for i in images], dtype=torch.int32).reshape(
                -1, 2
            ),
        )
        names = tuple(f"test/r_{i}" for i in range(count))
        channels = images[0].shape[2] if count else 3
        return Views(cameras, names, channels, Arrays(images, masks or [None] * count))

    return make
