"""The task of distillation: a student and its teacher at the same samples of random rays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nfield.config import Config
from nfield.conversion.hard import HARDEST, Pool, heavy
from nfield.conversion.losses import Clamp, log_density, root_mean_square
from nfield.conversion.poses import Poses
from nfield.conversion.stages import Stages
from nfield.fields.model import Model
from nfield.ops.march import Samples
from nfield.render.rendered import Rendered
from nfield.train.losses import batch_psnr
from nfield.train.rays import CANDIDATES, rays_for
from nfield.train.step import Step

CPU = torch.device("cpu")
POSES = 16  # of a step
REPLAYED = 4  # of them beside hard ones
POSES_KEPT, RAYS_KEPT = 128, 1 << 13
EMPTY = 16  # a step has one point of empty space for so many samples


@dataclass(frozen=True)
class Seen:
    """What a model says at samples, and of their rays.

    Shape
        latent ``(S, H)``, density ``(S,)`` per half size, color ``(S, 3)``
    """

    latent: Tensor
    density: Tensor
    color: Tensor
    rays: Rendered


@dataclass(frozen=True)
class Rays:
    """Rays ``(R, 3)``, and which of the step's poses ``(R,)`` each comes from, -1 of a hard ray.

    Poses and rays are drawn on the CPU, so that all devices see the same.
    """

    origins: Tensor
    directions: Tensor
    pose: Tensor

    def first(self, count: int) -> Rays:
        """The first rays."""
        return Rays(self.origins[:count], self.directions[:count], self.pose[:count])

    def to(self, device: torch.device) -> Rays:
        """The rays on a device."""
        return Rays(self.origins.to(device), self.directions.to(device), self.pose.to(device))


def clamp_of(config: Config) -> Clamp:
    """The stretch of log densities on which a conversion compares."""
    assert config.convert is not None
    return Clamp(config.convert.least_log_density, config.convert.most_log_density)


class Distillation:
    """A student taught by a teacher in the teacher's bounds.

    Samples are those that light reaches in the teacher, in cells that the teacher's occupancy grid
    holds; the student takes over the grid, which does not change meanwhile.

    Args:
        same: Whether latents mean the same, so that they can be compared.
    """

    def __init__(self, teacher: Model, poses: Poses, config: Config, model: Model, same: bool):
        assert config.convert is not None
        self.model = model
        self._teacher = teacher
        self._poses = poses
        self._settings = settings = config.convert
        self._budget, self._count = settings.samples, config.train.rays
        self._stages = Stages(settings.latents if same else 0.0, settings.points)
        self._clamp = clamp_of(config)
        self._hard_poses = Pool("hard_poses", POSES_KEPT, 12) if settings.hard_poses else None
        self._hard_rays = Pool("hard_rays", RAYS_KEPT, 6) if settings.hard_rays else None

    def loss(self, step: Step) -> tuple[Tensor, dict[str, Any]]:
        """Loss of a step, and `psnr` of its rays (the teacher's are the truth), `rays`, `samples`.

        Formula
            sum of weights times root mean squares, over samples of the differences of latents,
            clamped log densities and colours, over rays of those of pixels on a random background,
            and over random points of empty space of what the student's log density exceeds the
            least by
        """
        poses = self._draw_poses(step.generator)
        rays, samples, taught = self._teach(poses, step.generator)
        background = torch.rand(rays.origins.shape, generator=step.generator).to(self.model.device)
        # Training and export ask in cells that are not occupied, too.
        empty = self.model.occupancy.random_empty(self._budget // EMPTY, step.generator)
        h = self.model.field.features(torch.cat([samples.x, empty]))
        learned = self._look(self.model, samples, rays, h[: len(samples)])
        truth, color = taught.rays.over(background), learned.rays.over(background)
        weights = self._stages.at(step.progress)
        loss = weights.pixel * root_mean_square(color - truth)
        loss = loss + weights.density * self._emptiness(h[len(samples) :])
        loss = loss + self._pointwise(weights.latent, weights.color, samples, taught, learned)
        error = (color - truth).detach().square().mean(1)
        self._remember(poses, rays.to(CPU), error.to(CPU))
        self._count = rays_for(self._budget, len(rays.origins), len(samples))
        return loss, {
            "loss": float(loss.detach()),
            "psnr": batch_psnr(color, truth),
            "rays": len(rays.origins),
            "samples": len(samples),
        }

    def _draw_poses(self, generator: torch.Generator) -> Tensor:
        poses = self._poses.draw(POSES, generator)
        if self._hard_poses is None:
            return poses
        hard = self._hard_poses.draw(REPLAYED, generator).view(-1, 3, 4)
        return torch.cat([self._poses.near(hard, generator), poses[len(hard) :]])

    def _teach(self, poses: Tensor, generator: torch.Generator) -> tuple[Rays, Samples, Seen]:
        """Rays, the samples on them, and what the teacher knows there."""
        pose = torch.randint(len(poses), (self._count,), generator=generator)
        rays = Rays(*self._poses.rays(poses, pose, generator), pose)
        if self._hard_rays is not None:
            hard = self._hard_rays.draw(round(HARDEST * self._count), generator)
            rays.origins[: len(hard)], rays.directions[: len(hard)] = hard[:, :3], hard[:, 3:]
            rays.pose[: len(hard)] = -1
        jitter = torch.rand(self._count, generator=generator).to(self.model.device)
        rays = rays.to(self.model.device)
        candidates = self.model.occupancy.march(
            rays.origins, rays.directions, jitter, CANDIDATES * self._budget
        )
        rays = rays.first(candidates.rays)
        with torch.no_grad():
            samples, h = self._teacher.visible(candidates)
            return rays, samples, self._look(self._teacher, samples, rays, h)

    def _look(self, model: Model, samples: Samples, rays: Rays, h: Tensor) -> Seen:
        density = model.field.density(h)
        color = model.field.color(h, rays.directions.index_select(0, samples.ray))
        return Seen(h, density, color, model.blend(samples, density, color))

    def _pointwise(
        self, latent: float, color: float, samples: Samples, taught: Seen, learned: Seen
    ) -> Tensor:
        """Where the teacher is empty its latents and colours mean nothing, and do not count."""
        known = log_density(taught.density)
        error = self._clamp.error(log_density(learned.density), known)
        counts = known > self._clamp.least
        if self._settings.heavy_points:
            dt = samples.dt / self.model.bounds.half_size
            chosen = heavy(samples, taught.density * dt, learned.density * dt)
            error, counts = error[chosen], counts & chosen
        loss = root_mean_square(error)
        if latent:
            loss = loss + latent * root_mean_square((learned.latent - taught.latent)[counts, 1:])
        if color:
            loss = loss + color * root_mean_square((learned.color - taught.color)[counts])
        return loss

    def _emptiness(self, h: Tensor) -> Tensor:
        density = log_density(self.model.field.density(h))
        return root_mean_square((density - self._clamp.least).clamp(min=0))

    def _remember(self, poses: Tensor, rays: Rays, error: Tensor) -> None:
        """Keep what was hard, by the mean squared error of each ray."""
        if self._hard_rays is not None:
            self._hard_rays.add(torch.cat([rays.origins, rays.directions], 1), error)
        if self._hard_poses is not None:
            pose, own = rays.pose.numpy(), (rays.pose >= 0).numpy()
            sums = np.bincount(pose[own], error.numpy()[own], minlength=len(poses))
            counts = np.bincount(pose[own], minlength=len(poses))
            mean = torch.from_numpy(sums / np.maximum(counts, 1))
            self._hard_poses.add(poses.flatten(1), mean)

    def penalty(self, step: Step) -> None:
        """What the teacher says leaves nothing open that a regulariser would have to decide."""

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """See `nfield.train.task.Task`."""
        tensors: dict[str, Tensor] = {}
        values: dict[str, Any] = {"rays": self._count}
        for pool in self._pools():
            own, seen = pool.state()
            tensors, values = tensors | own, values | seen
        return tensors, values

    def restore(self, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
        """See `nfield.train.task.Task`."""
        self._count = meta["rays"]
        for pool in self._pools():
            pool.restore(tensors, meta)

    def _pools(self) -> list[Pool]:
        return [pool for pool in (self._hard_poses, self._hard_rays) if pool is not None]
