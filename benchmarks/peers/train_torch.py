"""The trainer of the pure PyTorch radiance field: the same algorithm as nfield's own trainer.

Same data, sample budget, loss, optimizer, schedule by time and random background.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn

from benchmarks.peers.ngp_torch import PART, TorchNgp, view_rays
from nfield.config import Config
from nfield.data.scene import Scene, Views

MOST_RAYS = 1 << 14  # per step
CANDIDATES = 8  # most samples whose density is asked for, in batches
FILL = 0.95  # share of the batch aimed at, since rays that do not fit into it are left out


class Rays:
    """All training rays: directions are computed once, before the clock starts."""

    def __init__(self, views: Views) -> None:
        pixels = views.pixels()
        self.color, self.offset, self.valid = pixels.color, pixels.offset, pixels.valid
        self.origin = views.cameras.camera_to_world[:, :, 3].contiguous()
        self.direction = torch.cat([view_rays(views.cameras, i)[1] for i in range(len(views))])

    def draw(self, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Origins, directions, colours (N, 3) in [0, 1] and alphas (N, 1) of random pixels."""
        index = torch.randint(len(self.color if self.valid is None else self.valid), (count,))
        if self.valid is not None:
            index = self.valid[index]
        view = torch.searchsorted(self.offset, index, right=True) - 1
        color = self.color[index].float() / 255
        alpha = color[:, 3:] if color.shape[1] == 4 else torch.ones(count, 1)
        return self.origin[view], self.direction[index], color[:, :3], alpha


class TorchTrainer:
    """Fits `model`. `seconds` counts training alone.

    `candidates` counts the samples whose density was asked for, `samples` those of them that went
    through the full pass: visible ones.
    """

    def __init__(self, scene: Scene, config: Config, *, compiled: bool = True) -> None:
        torch.manual_seed(config.seed)
        self.config, self.batch = config, config.train.samples
        self.step, self.seconds, self.samples, self.candidates = 0, 0.0, 0, 0
        self.ray_count = config.train.rays
        self.model = TorchNgp(scene.bounds, config, compiled=compiled)
        self.optimizer = torch.optim.Adam(
            self.model.field.parameters(), betas=(0.9, 0.99), eps=1e-15, fused=True
        )
        self.rays = Rays(scene.splits["train"])
        if compiled:
            self._warm_up()

    def _warm_up(self) -> None:
        """Compile everything before the clock starts."""
        x, direction = torch.rand(self.batch, 3), torch.rand(self.batch, 3)
        sigma, rgb = self.model.evaluate(x, direction)
        torch.autograd.grad(sigma.sum() + rgb.sum(), self.model.field.grid.table)
        for count in (257, 1023):  # two sizes, none of them special: all sizes from then on
            origin, direction, _, _ = self.rays.draw(count)
            self.model.occupancy.march(origin, direction, torch.rand(count))
        with torch.no_grad():
            self.model.density(torch.rand(PART, 3))
            self.model.evaluate(torch.rand(PART, 3), torch.rand(PART, 3))

    def train_step(self) -> float:
        """One step; returns the loss."""
        start = time.perf_counter()
        self._set_learning_rate()
        interval = 4 if self.step < 64 else self.config.occupancy.interval
        if self.step % interval == 0:
            with torch.no_grad():
                self.model.occupancy.update(self.model.density, self.step)
        origin, direction, seen, alpha = self.rays.draw(self.ray_count)
        marched = self.model.occupancy.march(origin, direction, torch.rand(len(origin)))
        marched = marched.within(CANDIDATES * self.batch)
        visible = self.model.visible(marched)
        samples = visible.within(self.batch)
        kept = len(samples.offset) - 1
        background = torch.rand(kept, 3)
        truth = seen[:kept] * alpha[:kept] + (1 - alpha[:kept]) * background
        image, opacity, sigma = self.model.shade(samples, direction, part=self.batch)
        color = image + (1 - opacity[:, None]) * background
        loss = nn.functional.mse_loss(color, truth)
        if self.model.space.cone:  # unbounded
            loss = loss + self.config.train.distortion * self.model.distortion(samples, sigma)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.step += 1
        self.samples += len(samples.t)
        self.candidates += len(marched.t)
        wanted = FILL * self.batch * (len(marched.offset) - 1) / max(len(visible.t), 1)
        self.ray_count = int(min(max(64, wanted), 2 * self.ray_count, MOST_RAYS))
        self.seconds += time.perf_counter() - start
        return loss.item()

    def _set_learning_rate(self) -> None:
        train, total = self.config.train, self.config.max_seconds
        progress = self.seconds / total if total else self.step / train.decay_steps
        decay = (train.final_learning_rate / train.learning_rate) ** min(progress, 1.0) ** 3
        for group in self.optimizer.param_groups:
            group["lr"] = train.learning_rate * decay
