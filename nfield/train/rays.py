"""The task of fitting a scene: rays to samples to colours to a loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from nfield.config import Config
from nfield.data.scene import Scene
from nfield.fields.model import Model
from nfield.fields.shading import Shading
from nfield.ops.march import Samples
from nfield.render.rendered import Rendered
from nfield.train.batch import Batch, Batches
from nfield.train.graphs import recorded
from nfield.train.losses import LOSSES, mean_square, psnr_of
from nfield.train.step import Step

MAX_RAYS = 1 << 14
CANDIDATES = 8  # most samples marched, in budgets: memory stays bounded before the first adaption


class RayTask:
    """Rays of the training views, and what they should see."""

    def __init__(self, scene: Scene, config: Config, model: Model):
        self.model = model
        self._train = config.train
        self._loss = LOSSES[config.train.loss]
        self._rays = config.train.rays
        self._shade = recorded(model.field, Shading, config)
        self._batches = Batches(scene.splits["train"], config.background, model.device)

    def loss(self, step: Step) -> tuple[Tensor, dict[str, Any]]:
        """The loss of new rays, and `psnr` (of the batch), `rays` and `samples`."""
        ranks = step.ranks
        if self.model.occupancy.is_due(step.number):
            density = ranks.spread(self.model.density)
            self.model.occupancy.update(density, step.number, step.generator)
        batch = self._refined(self._batches.draw(self._rays, step.generator))
        jitter = torch.rand(self._rays, generator=step.generator).to(batch.origins.device)
        candidates = self.model.occupancy.march(
            batch.origins, batch.directions, jitter, CANDIDATES * self._train.samples
        )
        rays = candidates.rays
        share = ranks.share(rays)
        batch, candidates = batch.part(share), candidates.part(share)
        samples, _ = self.model.visible(candidates)
        directions = batch.directions.index_select(0, samples.ray)
        density, rgb = self._shade(self._places(samples, batch), directions)
        rendered = self.model.blend(samples, density, rgb)
        color = self._as_seen(rendered, batch).over(batch.background)
        loss = self._loss(color, batch.color)
        if self._train.distortion and self.model.bounds.unbounded:
            loss = loss + self._train.distortion * self.model.distortion(samples, density)
        part = loss * (batch.rays / rays)
        error = mean_square(color, batch.color) * (batch.rays / rays)
        total, error, count = ranks.sum(float(part.detach()), error, len(samples))
        self._rays = rays_for(self._train.samples, rays, int(count))
        record = {"loss": total, "psnr": psnr_of(error), "rays": rays, "samples": int(count)}
        return part, record

    def penalty(self, step: Step) -> Tensor | None:
        """See `nfield.train.task.Task`."""
        return self.model.field.regularization()

    def _refined(self, batch: Batch) -> Batch:
        photos = self.model.photos
        return batch if photos is None or photos.poses is None else batch.refined(photos.poses)

    def _places(self, samples: Samples, batch: Batch) -> Tensor:
        """Where the field is asked; with a gradient to rays that have one."""
        if not batch.origins.requires_grad:
            return samples.x
        return self.model.places(samples, batch.origins, batch.directions)

    def _as_seen(self, rendered: Rendered, batch: Batch) -> Rendered:
        """Rays in the colours of their photos."""
        photos = self.model.photos
        if photos is None or photos.appearance is None:
            return rendered
        seen: Rendered = photos.appearance(batch.view, rendered)
        return seen

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What the next step depends on besides the model."""
        return {}, {"rays": self._rays}

    def restore(self, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
        """Inverse of `state`."""
        self._rays = meta["rays"]


def rays_for(budget: int, rays: int, samples: int) -> int:
    """Rays of the next step, which shall have `budget` samples, when `rays` had `samples`."""
    wanted = int(rays * budget / max(samples, 1))
    return max(64, min(wanted, 2 * rays, MAX_RAYS))
