"""Silhouettes of images with alpha, and the visual hull that they carve.

Source: Laurentini, "The visual hull concept for silhouette-based image understanding", 1994.
"""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from nfield.data.scene import Views
from nfield.render.cameras import Cameras

MAX_VIEWS = 64
# Silhouettes are max-pooled until no side is longer: finer than a cell still, and quick to sum.
_SIDE = 320
# Pixels by which cells grow on each side: half for the image filter and half for inexact poses.
_GROW = 1.0


@dataclass(frozen=True)
class Silhouette:
    """Where one view may see matter.

    table: summed-area table of the mask pooled by `pool` pixels, (h + 1, w + 1) int32.
    whole: no matter at the image's border, so that the view shows the whole object.
    """

    view: int
    table: np.ndarray
    pool: int
    whole: bool


@dataclass(frozen=True)
class Silhouettes:
    """The silhouettes of some views of a split."""

    cameras: Cameras
    items: tuple[Silhouette, ...]

    @property
    def whole(self) -> bool:
        """Whether most views show the whole object: what such a view leaves out is then empty."""
        return 2 * sum(item.whole for item in self.items) > len(self.items)

    def carve(
        self, center: np.ndarray, half_size: float, cells: int, *, seen_share: float = 0.0
    ) -> np.ndarray:
        """Cells of the cube that can hold matter: (cells, cells, cells) bool [z][y][x].

        A cell is removed when a view has it whole inside its image and no pixel under it has alpha;
        the pixels under a cell are those in the bounding box of its projected corners, so that no
        matter goes. When most views show the whole object, what such a view leaves out is removed
        too. So are cells that fewer than two views see, or less than `seen_share` of the views that
        see the best seen cell: close to a camera, hardly any other view tells matter from nothing.
        """
        line = np.linspace(-half_size, half_size, cells + 1)
        z, y, x = np.meshgrid(line, line, line, indexing="ij")
        corners = (np.stack([x, y, z], axis=-1).reshape(-1, 3) + center).astype(np.float32)
        alive = np.ones((cells, cells, cells), dtype=bool)
        seen = np.zeros((cells, cells, cells), dtype=np.int32)
        judge = partial(self._judge, corners=corners, alive=alive)
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for kept, overlap in pool.map(judge, self.items):
                alive &= kept
                seen += overlap
        return alive & (seen >= max(min(2, len(self.items)), int(seen_share * seen.max())))

    def _judge(
        self, item: Silhouette, corners: np.ndarray, alive: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Of the cells alive those that one view leaves standing, and all that it has in its image,
        even in part.
        """
        low, high = self._footprints(item.view, corners, len(alive))
        width, height = self.cameras.size[item.view].tolist()
        overlap: np.ndarray = (high[0] > 0) & (high[1] > 0) & (low[0] < width) & (low[1] < height)
        inside = (low[0] >= 0) & (low[1] >= 0) & (high[0] <= width) & (high[1] <= height)
        kept = overlap.copy() if item.whole and self.whole else np.ones_like(overlap)
        asked = inside & alive
        kept[asked] = _count(item, low[:, asked], high[:, asked]) > 0
        return kept, overlap

    def _footprints(
        self, view: int, corners: np.ndarray, cells: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bounding boxes in pixels of the projected cells, (2, cells, cells, cells) twice.

        Corners out of view are at -inf, so that their cells do not lie inside the image.
        """
        camera = self.cameras[view]
        index = torch.zeros(len(corners), dtype=torch.int64)
        pixels, depth = (
            value.numpy() for value in camera.project(index, torch.from_numpy(corners))
        )
        offset = corners - camera.camera_to_world[0, :, 3].numpy()
        # Outside the field of view a distortion polynomial may fold points back into the image.
        least = max(math.cos(field_radii(camera)[0] + 1e-3), 1e-3)
        pixels[depth <= least * np.sqrt((offset * offset).sum(1))] = -np.inf
        low = high = np.ascontiguousarray(pixels.T).reshape(2, *[cells + 1] * 3)
        for axis in (1, 2, 3):
            first = (slice(None),) * axis + (slice(0, cells),)
            second = (slice(None),) * axis + (slice(1, cells + 1),)
            low = np.minimum(low[first], low[second])
            high = np.maximum(high[first], high[second])
        return low - _GROW, high + _GROW


def read_silhouettes(views: Views) -> Silhouettes | None:
    """The silhouettes of up to 64 evenly chosen views; None when most have no transparent
    background.
    """
    chosen = np.unique(np.linspace(0, len(views) - 1, min(len(views), MAX_VIEWS)).round())
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        found = pool.map(lambda i: _silhouette(views, int(i)), chosen)
        items = tuple(item for item in found if item is not None)
    return Silhouettes(views.cameras, items) if 2 * len(items) > len(chosen) else None


def field_radii(cameras: Cameras) -> np.ndarray:
    """Angle from the optical axis to the farthest corner of each image, radians, at most pi / 2:
    (C,).
    """
    corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    pixels = (corners[None] * cameras.size[:, None].float()).reshape(-1, 2)
    index = torch.arange(len(cameras)).repeat_interleave(4)
    _, direction = cameras.rays(index, pixels)
    cosine = (direction * cameras.camera_to_world[index, :, 2]).sum(1).reshape(-1, 4)
    return np.arccos(cosine.double().clamp(0, 1).min(1).values.numpy())


def _silhouette(views: Views, i: int) -> Silhouette | None:
    """None for an image without a transparent background. What a mask leaves out may be matter."""
    matter = views.image(i)[..., 3] > 0
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
    return Silhouette(i, table.astype(np.int32), pool, whole)


def _count(item: Silhouette, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Pooled pixels with matter in boxes (2, B) of pixels that lie inside the image: (B,) int32."""
    rows, columns = item.table.shape
    x0, y0 = (low / item.pool).astype(np.int32)
    x1, y1 = (high / item.pool).astype(np.int32) + 1
    x1, y1 = np.minimum(x1, columns - 1), np.minimum(y1, rows - 1)
    table = item.table
    counts: np.ndarray = table[y1, x1] - table[y0, x1] - table[y1, x0] + table[y0, x0]
    return counts
