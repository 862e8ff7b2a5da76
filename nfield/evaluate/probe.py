"""A quick look at held-out views, by which a fit is followed over time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from nfield.data.scene import Views
from nfield.evaluate.metrics import psnr
from nfield.evaluate.protocol import composite, to_uint8
from nfield.fields.model import Color, Model

VIEWS, PIXELS = 8, 2048  # most views, and about the most pixels of each


@dataclass(frozen=True)
class _Grid:
    """Pixels of a view: where ``(N, 2)``, their colours ``(H, W, 3)``, and which count."""

    view: int
    pixels: torch.Tensor
    truth: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None


class Probe:
    """PSNR of a model on some pixels of some views, as the protocol takes it of all.

    At most 8 views, evenly chosen, and of each a grid of about 2048 pixels: it costs about as much
    as a step or two, and can be asked often. Images are read when it is first asked.
    """

    def __init__(self, views: Views, background: Color):
        self._views, self._background = views, background

    def __call__(self, model: Model) -> float:
        """Mean over the views of their PSNR, in dB; without error that of one wrong value."""
        found = []
        for grid in self._grids:
            which = torch.full((len(grid.pixels),), grid.view)
            rays = self._views.cameras.rays(which, grid.pixels + 0.5)
            rendered = model.render_rays(*(part.to(model.device) for part in rays)).cpu()
            color = to_uint8(rendered.over(torch.tensor(self._background)).numpy())
            error = psnr(color.reshape(grid.truth.shape), grid.truth, grid.mask)
            found.append(min(error, 10 * math.log10(255.0**2 * grid.truth.size)))
        return math.fsum(found) / len(found)

    @cached_property
    def _grids(self) -> list[_Grid]:
        return [self._grid(view) for view in range(0, len(self._views), self._every)]

    @property
    def _every(self) -> int:
        return -(-len(self._views) // VIEWS)

    def _grid(self, view: int) -> _Grid:
        image, mask = composite(self._views.image(view), self._background), self._views.mask(view)
        height, width = image.shape[:2]
        stride = max(1, round(math.sqrt(height * width / PIXELS)))
        rows, columns = (slice(min(stride, side) // 2, side, stride) for side in (height, width))
        y, x = np.mgrid[rows, columns]
        pixels = torch.from_numpy(np.stack([x.ravel(), y.ravel()], 1))
        some = None if mask is None else mask[rows, columns]
        return _Grid(view, pixels, image[rows, columns], some)
