"""One picture on its way: its rays are rendered a few at a time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nfield.conversion.edits import Box
from nfield.fields.model import Image, Model, image_of
from nfield.render.cameras import Cameras
from nfield.render.rendered import Rendered
from nfield.viewer.look import Look


class Frame:
    """The picture of one camera.

    Args:
        models: One, or two that share the picture's columns.
        cameras: One camera.
    """

    def __init__(self, models: Sequence[Model], cameras: Cameras, look: Look):
        self._cameras, self._look = cameras, look
        self._pixels = cameras.pixels(0)
        self._tasks = _tasks(models, cameras, look.split)
        rays = len(self._pixels)
        self._rendered = Rendered(torch.empty(rays, 3), torch.empty(rays), torch.empty(rays))

    @property
    def rays(self) -> int:
        """Number of rays."""
        return len(self._pixels)

    @property
    def complete(self) -> bool:
        """Whether all rays are rendered."""
        return not self._tasks

    def advance(self, count: int) -> int:
        """Render the next rays, at most `count` of them, and return how many they were."""
        model, waiting = self._tasks.pop(0)
        chosen, rest = waiting[:count], waiting[count:]
        if len(rest):
            self._tasks.insert(0, (model, rest))
        camera = torch.zeros(len(chosen), dtype=torch.int64)
        rays = self._cameras.rays(camera, self._pixels[chosen])
        part = render_rays(model, *rays, self._look.box)
        self._rendered.color[chosen] = part.color
        self._rendered.opacity[chosen] = part.opacity
        self._rendered.depth[chosen] = part.depth
        return len(chosen)

    def image(self) -> Image:
        """The picture, when it is complete."""
        return image_of(
            self._rendered,
            self._cameras,
            0,
            background=self._look.background,
            normals=self._look.mode == "normals",
        )


@torch.no_grad()
def render_rays(model: Model, origins: Tensor, directions: Tensor, box: Box | None) -> Rendered:
    """Render rays ``(R, 3)`` without background, and without what is outside a box.

    Rays come and go in the CPU's memory.
    """
    origins, directions = origins.to(model.device), directions.to(model.device)
    if box is None:
        return model.render_rays(origins, directions).cpu()
    samples = model.occupancy.march(origins, directions, torch.full_like(origins[:, 0], 0.5))
    ray = samples.ray.long()
    inside = box.holds(origins[ray] + samples.t[:, None] * directions[ray])
    before = torch.cat([inside.new_zeros(1, dtype=torch.int64), inside.cumsum(0)])
    kept, h = model.visible(samples.take(inside.nonzero().squeeze(1), before[samples.offset]))
    return model.composite(kept, directions, h).cpu()


def _tasks(models: Sequence[Model], cameras: Cameras, split: float) -> list[tuple[Model, Tensor]]:
    """Which pixels each model renders: two share the columns at `split`, a share of the width."""
    width, height = (int(side) for side in cameras.size[0])
    index = torch.arange(width * height).view(height, width)
    border = width if len(models) == 1 else round(split * width)
    parts = [index[:, :border].flatten(), index[:, border:].flatten()]
    return [(model, part) for model, part in zip(models, parts) if len(part)]
