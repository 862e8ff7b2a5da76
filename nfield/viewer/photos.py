"""The dataset's photos: the nearest one, how far a picture is from it, and thumbnails."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow

from nfield.data.scene import Views
from nfield.evaluate.protocol import composite
from nfield.fields.model import Color, Image
from nfield.render.cameras import Cameras
from nfield.viewer.view import View

FAR = 1e3  # where what no ray hits is taken to be, in distances of the cameras
WHITE = (1.0, 1.0, 1.0)


class Photos:
    """Posed photos."""

    def __init__(self, views: Views):
        self.views = views
        self._positions = views.cameras.camera_to_world[:, :, 3].double().numpy()
        self._axes = views.cameras.camera_to_world[:, :, 2].double().numpy()
        spread = np.linalg.norm(self._positions - self._positions.mean(0), axis=1)
        self._unit = float(np.median(spread)) or 1.0
        self._photo = lru_cache(maxsize=4)(views.image)
        self.thumbnail = lru_cache(maxsize=256)(self._thumbnail)  # every visitor asks for them

    def __len__(self) -> int:
        return len(self.views)

    def nearest(self, view: View) -> int:
        """Index of the photo with the least distance plus angle of the optical axes in radians.

        Distances are in units of the cameras' median distance from their middle.
        """
        distance = np.linalg.norm(self._positions - view.position, axis=1) / self._unit
        angle = np.arccos(np.clip(self._axes @ view.pose[:, 2], -1.0, 1.0))
        return int(np.argmin(distance + angle))

    def error(
        self, image: Image, view: View, cameras: Cameras, background: Color
    ) -> NDArray[np.float64]:
        """Mean absolute difference of the channels to the nearest photo, NaN beside it.

        Each pixel's surface is looked up in the photo; exact where the photo was taken, elsewhere
        what hides a surface from the photo counts as an error.

        Shape
            image of H x W pixels by the one camera of `cameras` -> ``(H, W)``
        """
        nearest = self.nearest(view)
        photo = self._photo(nearest)
        pixels = cameras.pixels(0)
        origins, directions = cameras.rays(torch.zeros(len(pixels), dtype=torch.int64), pixels)
        depth = image.depth.flatten()
        depth = torch.where(depth.isfinite(), depth, FAR * self._unit)
        which = torch.full((len(pixels),), nearest)
        place, ahead = self.views.cameras.project(which, origins + depth[:, None] * directions)
        x, y = place.floor().long().unbind(1)
        height, width = photo.shape[:2]
        seen = (ahead > 0) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
        error = np.full(len(pixels), np.nan)
        mask = seen.numpy()
        color = image.color.view(-1, 3).double().numpy()
        looked_up = photo[y[seen].numpy(), x[seen].numpy()][None]
        truth = composite(looked_up, background)[0].astype(np.float64) / 255
        error[mask] = np.abs(color[mask] - truth).mean(1)
        return error.reshape(image.depth.shape)

    def _thumbnail(self, index: int, side: int) -> NDArray[np.uint8]:
        """A photo over white, its longer side of at most so many pixels, ``(h, w, 3)``."""
        small = Pillow.fromarray(composite(self.views.image(index), WHITE))
        small.thumbnail((side, side))
        return np.asarray(small)

    def evenly(self, count: int) -> list[int]:
        """At most so many photos, evenly chosen."""
        total = len(self)
        return [i * total // count for i in range(count)] if total > count else list(range(total))
