"""Silhouettes of images with alpha, and the visual hull that they carve.

Source: Laurentini, "The visual hull concept for silhouette-based image understanding", 1994.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nfield.data.scene import Views
from nfield.render.cameras import Cameras

CELLS = 64
MAX_VIEWS = 64
# Silhouettes are max-pooled until no side is longer: far finer than a cell, and quick to sum.
_SIDE = 320
# Pixels by which silhouettes grow: half a pixel of the image filter and as much for inexact poses, both sides.
_GROW = 1.0


@dataclass(frozen=True)
class Silhouette:
    """Where one view may see matter.

    table: summed-area table of the mask pooled by `pool` pixels, (h + 1, w + 1) int32.
    whole: no matter at the image's border, so that the view shows the whole object.
    """

    view: int
    table: Tensor
    pool: int
    whole: bool


@dataclass(frozen=True)
class Silhouettes:
    """The silhouettes of some views of a split."""

    cameras: Cameras
    field: Tensor
    items: tuple[Silhouette, ...]

    @property
    def whole(self) -> bool:
        """Whether most views show the whole object, so that what any such view leaves out is empty."""
        return 2 * sum(item.whole for item in self.items) > len(self.items)

    def carve(
        self, center: Tensor, half_size: float, cells: int, *, seen_share: float = 0.0
    ) -> Tensor:
        """Cells of the cube that can hold matter: (cells, cells, cells) bool [z][y][x].

        A cell is removed when a view has it whole inside its image and no pixel under its projection has alpha; the
        pixels under a cell are those in the bounding box of its projected corners, so that matter stays. Cells that
        fewer than two views see, or less than `seen_share` of the views that see the best seen cell, are removed too:
        right before a camera, hardly any other view tells matter from nothing.
        """
        line = torch.linspace(-half_size, half_size, cells + 1, dtype=torch.float64)
        z, y, x = torch.meshgrid(line, line, line, indexing="ij")
        lattice = (torch.stack([x, y, z], dim=-1).reshape(-1, 3) + center).float()
        alive = torch.ones(cells, cells, cells, dtype=torch.bool)
        seen = torch.zeros(cells, cells, cells, dtype=torch.int32)
        for item in self.items:
            low, high = self._footprints(item.view, lattice, cells)
            width, height = self.cameras.size[item.view].tolist()
            limit = torch.tensor([width, height], dtype=torch.float32)
            overlap = ((high > 0) & (low < limit)).all(-1)
            seen += overlap
            if item.whole and self.whole:
                alive &= overlap
            inside = ((low >= 0) & (high <= limit)).all(-1)
            tested = (alive & inside).reshape(-1).nonzero().squeeze(1)
            empty = _is_empty(item, low.reshape(-1, 2)[tested], high.reshape(-1, 2)[tested])
            alive.reshape(-1)[tested[empty]] = False
        needed = max(min(2, len(self.items)), int(seen_share * int(seen.max())))
        return alive & (seen >= needed)

    def _footprints(self, view: int, lattice: Tensor, cells: int) -> tuple[Tensor, Tensor]:
        """Bounding boxes in pixels of the projected cells, (cells, cells, cells, 2) twice.

        Corners out of view are at -inf, so that their cells do not lie inside the image.
        """
        index = torch.full((len(lattice),), view, dtype=torch.int64)
        pixels, depth = self.cameras.project(index, lattice)
        distance = (lattice - self.cameras.camera_to_world[view, :, 3]).norm(dim=1)
        # Outside the field of view a distortion polynomial may fold points back into the image.
        seen = depth > distance * self.field[view]
        pixels = torch.where(seen[:, None], pixels, -torch.inf)
        low = pixels.reshape(cells + 1, cells + 1, cells + 1, 2)
        high = low
        for axis in range(3):
            low = torch.minimum(low.narrow(axis, 0, cells), low.narrow(axis, 1, cells))
            high = torch.maximum(high.narrow(axis, 0, cells), high.narrow(axis, 1, cells))
        return low - _GROW, high + _GROW


def read_silhouettes(views: Views) -> Silhouettes | None:
    """The silhouettes of up to 64 evenly chosen views; None when most of them have no transparent background."""
    chosen = np.unique(np.linspace(0, len(views) - 1, min(len(views), MAX_VIEWS)).round())
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        items = [s for s in pool.map(lambda i: _silhouette(views, int(i)), chosen) if s is not None]
    if 2 * len(items) <= len(chosen):
        return None
    cameras = views.cameras
    return Silhouettes(
        cameras, torch.cos(field_radius(cameras) + 1e-3).clamp(min=1e-3).float(), tuple(items)
    )


def field_radius(cameras: Cameras) -> Tensor:
    """Angle from the optical axis to the farthest corner of each image, in radians, at most pi / 2: (C,) float64."""
    corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    pixels = (corners[None] * cameras.size[:, None].float()).reshape(-1, 2)
    index = torch.arange(len(cameras)).repeat_interleave(4)
    _, direction = cameras.rays(index, pixels)
    cosine = (direction * cameras.camera_to_world[index, :, 2]).sum(1).reshape(-1, 4)
    return torch.acos(cosine.double().clamp(0, 1)).max(1).values


def _silhouette(views: Views, i: int) -> Silhouette | None:
    """None for an image without a transparent background. Pixels that a mask leaves out may show matter."""
    image = views.image(i)
    matter = image[..., 3] > 0
    if matter.all():
        return None
    mask = views.mask(i)
    if mask is not None:
        matter |= ~mask
    height, width = matter.shape
    pool = max(1, -(-max(height, width) // _SIDE))
    padded = np.pad(matter, ((0, -height % pool), (0, -width % pool)))
    blocks = padded.reshape(padded.shape[0] // pool, pool, padded.shape[1] // pool, pool)
    table = np.pad(blocks.any(axis=(1, 3)), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    whole = not (matter[[0, -1]].any() or matter[:, [0, -1]].any())
    return Silhouette(i, torch.from_numpy(table.astype(np.int32)), pool, whole)


def _is_empty(item: Silhouette, low: Tensor, high: Tensor) -> Tensor:
    """Whether the silhouette is empty in boxes (B, 2) of pixels lying inside the image: (B,) bool."""
    rows, columns = item.table.shape
    x0, y0 = (low / item.pool).long().unbind(1)
    x1, y1 = ((high / item.pool).long() + 1).unbind(1)
    x1, y1 = x1.clamp(max=columns - 1), y1.clamp(max=rows - 1)
    flat = item.table.reshape(-1)
    total = flat[y1 * columns + x1] - flat[y0 * columns + x1]
    return total - flat[y1 * columns + x0] + flat[y0 * columns + x0] == 0
