"""Batches of training rays: random pixels of all views, with the colours they should have."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from nfield.data.scene import Views
from nfield.errors import InputError
from nfield.render.pose_corrections import PoseCorrections

BACKGROUNDS = {"white": 1.0, "black": 0.0}


@dataclass(frozen=True)
class Batch:
    """Rays and what they should see.

    Shape
        view ``(R,)`` int64 the training view of each ray, origins, directions ``(R, 3)``,
        background ``(R, 3)``, color ``(R, 3)`` over the background
    """

    view: Tensor
    origins: Tensor
    directions: Tensor
    background: Tensor
    color: Tensor

    @property
    def rays(self) -> int:
        """Number of rays."""
        return len(self.origins)

    def refined(self, poses: PoseCorrections) -> Batch:
        """The rays from where their cameras are believed to be."""
        origins, directions = poses(self.view, self.origins, self.directions)
        return replace(self, origins=origins, directions=directions)

    def part(self, rays: slice) -> Batch:
        """Some of the rays."""
        return Batch(
            self.view[rays],
            self.origins[rays],
            self.directions[rays],
            self.background[rays],
            self.color[rays],
        )


class Batches:
    """Draws pixels uniformly from the training views.

    Args:
        background: white, black, or random: a new colour for every ray, so that the field cannot
            hide transparency behind a background it knows.
        device: Where the pixels are kept and rays are made.
    """

    def __init__(self, views: Views, background: str, device: torch.device):
        self._cameras = views.cameras.to(device)
        self._pixels = views.pixels().to(device)
        if self._pixels.valid is not None and not len(self._pixels.valid):
            raise InputError(
                "masks: at least one training pixel must count, got none; white counts and black "
                "does not: invert the masks"
            )
        self._background = background

    def draw(self, count: int, generator: torch.Generator) -> Batch:
        """`count` rays."""
        pixels = self._pixels
        total = len(pixels.color) if pixels.valid is None else len(pixels.valid)
        chosen = torch.randint(total, (count,), generator=generator).to(pixels.color.device)
        if pixels.valid is not None:
            chosen = pixels.valid[chosen]
        view = torch.searchsorted(pixels.offset, chosen, right=True) - 1
        inside = chosen - pixels.offset[view]
        width = self._cameras.size[view, 0].long()
        x, y = inside % width, torch.div(inside, width, rounding_mode="floor")
        origins, directions = self._cameras.rays(view, torch.stack([x, y], 1) + 0.5)
        color = pixels.color[chosen].float() / 255
        if self._background in BACKGROUNDS:
            background = torch.full_like(origins, BACKGROUNDS[self._background])
        else:
            background = torch.rand(count, 3, generator=generator).to(color.device)
        if color.shape[1] == 4:
            alpha = color[:, 3:]
            color = color[:, :3] * alpha + (1 - alpha) * background
        return Batch(view, origins, directions, background, color)
