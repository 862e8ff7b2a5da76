"""The task of fitting a scene: rays to samples to colours to a loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from nfield.config import Config
from nfield.data.scene import Scene
from nfield.fields.model import Model
from nfield.train.batch import Batches
from nfield.train.losses import LOSSES, batch_psnr
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
        self._batches = Batches(scene.splits["train"], config.background, model.device)

    def loss(self, step: Step) -> tuple[Tensor, dict[str, Any]]:
        """The loss of new rays, and `psnr` (of the batch), `rays` and `samples`."""
        if self.model.occupancy.is_due(step.number):
            self.model.occupancy.update(self.model.density, step.number, step.generator)
        batch = self._batches.draw(self._rays, step.generator)
        jitter = torch.rand(self._rays, generator=step.generator).to(batch.origins.device)
        candidates = self.model.occupancy.march(
            batch.origins, batch.directions, jitter, CANDIDATES * self._train.samples
        )
        batch = batch.first(candidates.rays)
        samples, _ = self.model.visible(candidates)
        h = self.model.field.features(samples.x)
        color = self.model.composite(samples, batch.directions, h).over(batch.background)
        loss = self._loss(color, batch.color)
        if self._train.distortion and self.model.bounds.unbounded:
            loss = loss + self._train.distortion * self.model.distortion(samples, h)
        record = {
            "psnr": batch_psnr(color, batch.color),
            "rays": batch.rays,
            "samples": len(samples),
        }
        self._rays = rays_for(self._train.samples, batch.rays, len(samples))
        return loss, record

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
