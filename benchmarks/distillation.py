"""A conversion in this process, for variants that are no option of the program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nfield.conversion.conversion import Conversion
from nfield.conversion.losses import root_mean_square
from nfield.conversion.plan import plan
from nfield.conversion.poses import Poses
from nfield.conversion.task import EMPTY, Distillation
from nfield.train.losses import batch_psnr
from nfield.train.rays import CANDIDATES, rays_for
from nfield.train.step import Step


class OtherSamples(Distillation):
    """Teacher and student place samples of their own: only pixels can be compared."""

    def loss(self, step: Step) -> tuple[Tensor, dict[str, Any]]:
        """See `Distillation`, without all that is pointwise."""
        rays, _, taught = self._teach(self._draw_poses(step.generator), step.generator)
        background = torch.rand(rays.origins.shape, generator=step.generator)
        jitter = torch.rand(len(rays.origins), generator=step.generator)
        candidates = self.model.occupancy.march(
            rays.origins, rays.directions, jitter, CANDIDATES * self._budget
        )
        count = candidates.rays
        samples, _ = self.model.visible(candidates)
        empty = self.model.occupancy.random_empty(self._budget // EMPTY, step.generator)
        h = self.model.field.features(torch.cat([samples.x, empty]))
        learned = self._look(self.model, samples, rays.first(count), h[: len(samples)])
        color = learned.rays.over(background[:count])
        truth = taught.rays.over(background)[:count]
        self._count = rays_for(self._budget, count, len(samples))
        loss = root_mean_square(color - truth) + self._emptiness(h[len(samples) :])
        return loss, {
            "loss": float(loss.detach()),
            "psnr": batch_psnr(color, truth),
            "rays": count,
            "samples": len(samples),
        }


def distilled(
    teacher: Path,
    out: Path,
    options: Mapping[str, Any],
    settings: tuple[str, ...],
    *,
    every: int,
    shared: bool,
) -> dict[str, Any]:
    """Convert to `nerf`, and judge it: what `nfield.conversion.report.compare` returns.

    Args:
        shared: Whether teacher and student are asked at the same samples.
    """
    conversion = Conversion(*plan(teacher, "nerf", options, settings, out=out))
    if not shared:
        lesson, config = conversion.lesson, conversion.folder.config
        views = None if lesson.scene is None else lesson.scene.splits["train"].cameras
        model: Any = conversion.trainer.model
        conversion.trainer.task = OtherSamples(
            lesson.teacher, Poses(lesson.teacher.bounds, views), config, model, same=False
        )
    conversion.train()
    return conversion.compare(every)
