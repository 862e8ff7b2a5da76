"""The scene: posed images in splits, and the part of space that holds them."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from nfield.render.bounds import Bounds
from nfield.render.cameras import Cameras


class Source(Protocol):
    """Where the images of a split come from: files, or the tracer of the built-in scenes."""

    def image(self, i: int) -> np.ndarray: ...
    def mask(self, i: int) -> np.ndarray | None: ...
    def truth(self, i: int) -> dict[str, np.ndarray] | None: ...


@dataclass(frozen=True)
class Pixels:
    """All pixels of a split, packed view after view, each view row by row.

    Shape: color (P, channels) uint8; offset (C + 1,) int64, view i is [offset[i], offset[i + 1]);
    valid (V,) int64 ascending indices of the pixels that count, None when all do.
    """

    color: Tensor
    offset: Tensor
    valid: Tensor | None

    def to(self, device: torch.device) -> Pixels:
        """The pixels in the memory of a device."""
        valid = None if self.valid is None else self.valid.to(device)
        return Pixels(self.color.to(device), self.offset.to(device), valid)


@dataclass(frozen=True)
class Views:
    """One split: cameras and their images, decoded on demand.

    cameras: one per view, of the images as `image` returns them (after downscaling).
    names: unique in the scene, such as "test/r_0".
    channels: 3, or 4 with straight alpha.
    """

    cameras: Cameras
    names: tuple[str, ...]
    channels: int
    source: Source

    def __len__(self) -> int:
        return len(self.names)

    def image(self, i: int) -> np.ndarray:
        """View i: (H, W, channels) uint8, sRGB and straight alpha. Raises InputError when its file
        cannot be read.
        """
        return self.source.image(i)

    def mask(self, i: int) -> np.ndarray | None:
        """(H, W) bool, True where the pixel counts; None when all do."""
        return self.source.mask(i)

    def truth(self, i: int) -> dict[str, np.ndarray] | None:
        """Exact maps at pixel centres, built-in scenes only.

        depth (H, W) float32, distance along the ray in world units, inf on a miss; normal (H, W, 3)
        float32 world, unit, facing the camera, 0 on a miss; albedo (H, W, 3) float32 linear RGB, 0
        on a miss.
        """
        return self.source.truth(i)

    def pixels(self) -> Pixels:
        """Everything decoded and packed, several images at a time."""
        counts = self.cameras.size.prod(dim=1, dtype=torch.int64)
        offset = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        color = torch.empty(int(offset[-1]), self.channels, dtype=torch.uint8)

        def decode(i: int) -> np.ndarray | None:
            image = torch.from_numpy(self.image(i))
            color[offset[i] : offset[i + 1]] = image.reshape(-1, self.channels)
            return self.mask(i)

        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            masks = list(pool.map(decode, range(len(self))))
        if all(mask is None for mask in masks):
            return Pixels(color, offset, None)
        valid = torch.ones(len(color), dtype=torch.bool)
        for i, mask in enumerate(masks):
            if mask is not None:
                valid[offset[i] : offset[i + 1]] = torch.from_numpy(mask).reshape(-1)
        return Pixels(color, offset, valid.nonzero().squeeze(1))


def no_points() -> np.ndarray:
    """None are known, (0, 3)."""
    return np.empty((0, 3))


@dataclass(frozen=True)
class Scene:
    """Posed images in splits ("train", "test", maybe "val") and their bounds, in the input's own
    frame and units.

    notes: what the loader left out or repaired, one sentence each; `inspect_scene` repeats them
    among its warnings.
    format, units: names of the dataset's format and of the world's units.
    given_bounds: those that the dataset states.
    points: reads points (N, 3) of the scene, which a sparse model has.
    """

    name: str
    path: str
    splits: dict[str, Views]
    notes: tuple[str, ...] = ()
    format: str = "built-in"
    units: str = "its own"
    given_bounds: Bounds | None = None
    points: Callable[[], np.ndarray] = no_points

    @cached_property
    def bounds(self) -> Bounds:
        """As the dataset states them, or found when first asked for: it takes the alpha of up to 64
        training images.
        """
        if self.given_bounds is not None:
            return self.given_bounds
        from nfield.data.bounds import find_bounds

        return find_bounds(self.splits["train"])
