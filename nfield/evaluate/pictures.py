"""Judging an image or a video by the pixels that it was fitted to.

Protocols "nfield-image-1" and "nfield-video-1": prediction and truth are rounded to 8 bits, half
up; PSNR and SSIM as in "nfield-nvs-1", of the image, or of each frame and averaged over frames.
Grey images have one channel, in which they are judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nfield.data.clip import Clip
from nfield.data.picture import Picture
from nfield.evaluate.lpips import LPIPS
from nfield.evaluate.protocol import Judged, judge

IMAGE_PROTOCOL, VIDEO_PROTOCOL = "nfield-image-1", "nfield-video-1"

Render = Callable[[int], NDArray[Any]]


@dataclass(frozen=True)
class Stills:
    """Images ``(H, W, C)`` uint8 with names, as `judge` takes them."""

    names: Sequence[str]
    images: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.names)

    def image(self, i: int) -> NDArray[np.uint8]:
        """``(H, W, C)`` uint8."""
        found: NDArray[np.uint8] = self.images[i]
        return found

    def mask(self, i: int) -> None:
        """Every pixel counts."""


def evaluate_picture(
    picture: Picture,
    render: Render,
    *,
    lpips: LPIPS | None = None,
    watch: Callable[[Judged], None] | None = None,
) -> dict[str, Any]:
    """Judge an image.

    Args:
        render: 0 -> ``(H, W, C)`` floats in [0, 1].

    Returns:
        ``protocol`` and what `nfield.evaluate.protocol.judge` returns, with one view.

    Raises:
        InputError: an image too small for a metric, a prediction with NaN.
    """
    stills = Stills((picture.name,), picture.pixels.values.numpy()[None])
    return {"protocol": IMAGE_PROTOCOL, **judge(stills, render, lpips=lpips, watch=watch)}


def evaluate_clip(
    clip: Clip,
    render: Render,
    *,
    every: int = 1,
    lpips: LPIPS | None = None,
    watch: Callable[[Judged], None] | None = None,
) -> dict[str, Any]:
    """Judge frames 0, every, 2 every, ... of a video.

    Args:
        render: Frame index -> ``(H, W, 3)`` floats in [0, 1].

    Returns:
        ``protocol``, ``every`` and what `nfield.evaluate.protocol.judge` returns.

    Raises:
        InputError: `every` below 1, frames too small for a metric, a prediction with NaN.
    """
    names = tuple(f"frame {i:04d}" for i in range(len(clip.frames.values)))
    stills = Stills(names, clip.frames.values.numpy())
    judged = judge(stills, render, every=every, lpips=lpips, watch=watch)
    return {"protocol": VIDEO_PROTOCOL, "every": every, **judged}
