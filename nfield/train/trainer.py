"""One training step: rays to samples to colours to a loss to new parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from nfield.config import Config
from nfield.data.scene import Scene
from nfield.errors import InputError
from nfield.fields.model import Model, load_model
from nfield.train.batch import Batches
from nfield.train.optimizer import Adam

MAX_RAYS = 1 << 14
CANDIDATES = 8  # most samples marched, in budgets: memory stays bounded before the first adaption


class Trainer:
    """Fits a model to the training views of a scene.

    Every random number of a step comes from (seed, step): a run whose budget is in steps is
    repeated, and resumed, to the bit.
    """

    def __init__(self, scene: Scene, config: Config, model: Model | None = None):
        if config.device == "cuda":
            raise InputError(
                "--device: cuda must be supported by this build, got a CPU build; use --device cpu"
            )
        torch.manual_seed(config.seed)
        self.config = config
        self.model = model or Model(config, scene.bounds)
        self.step = 0
        self.seconds = 0.0
        self._rays = config.train.rays
        self._batches = Batches(scene.splits["train"], config.background)
        self._optimizer = Adam(self.model, self.model.field.parameter_groups())

    def train_step(self) -> dict[str, Any]:
        """Draw rays, fit them, and return `loss`, `psnr` (of the batch), `rays` and `samples`."""
        generator = torch.Generator().manual_seed(_mixed(self.config.seed, self.step))
        if self.model.occupancy.is_due(self.step):
            self.model.occupancy.update(self.model.density, self.step, generator)
        batch = self._batches.draw(self._rays, generator)
        jitter = torch.rand(self._rays, generator=generator)
        candidates = self.model.occupancy.march(
            batch.origins, batch.directions, jitter, CANDIDATES * self.config.train.samples
        )
        batch = batch.first(candidates.rays)
        samples, _ = self.model.visible(candidates)
        h = self.model.field.features(samples.x)
        rendered = self.model.composite(samples, batch.directions, h)
        color = rendered.over(batch.background)
        loss = mse_loss(color, batch.color)
        error = float(loss.detach())
        if not math.isfinite(error):
            raise InputError(
                f"step {self.step}: loss must be finite, got {error}; the field has diverged, "
                "fit again with a smaller train.learning_rate (the last checkpoint is from before)"
            )
        weight = self.config.train.distortion
        if weight and self.model.bounds.unbounded:
            loss = loss + weight * self.model.distortion(samples, h)
        loss.backward()
        self._optimizer.step(self._learning_rate())
        record = {
            "loss": error,
            "psnr": -10 * math.log10(max(error, 1e-10)),
            "rays": batch.rays,
            "samples": len(samples),
        }
        self._adapt_rays(batch.rays, len(samples))
        self.step += 1
        return record

    def _learning_rate(self) -> float:
        """Late and steep: rate (final / rate)^(p^3), p the share of the budget spent.

        The budget is `max_seconds`, or `decay_steps` where there is none, so that a run in steps is
        the same however it is cut into pieces.
        """
        train = self.config.train
        if self.config.max_seconds is not None:
            progress = self.seconds / self.config.max_seconds
        else:
            progress = self.step / train.decay_steps
        ratio = train.final_learning_rate / train.learning_rate
        return train.learning_rate * ratio ** min(progress, 1.0) ** 3

    def _adapt_rays(self, rays: int, samples: int) -> None:
        """Aim at the budget of samples in the next step."""
        wanted = int(rays * self.config.train.samples / max(samples, 1))
        self._rays = max(64, min(wanted, 2 * self._rays, MAX_RAYS))

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything the next step depends on: tensors and plain values."""
        tensors, meta = self.model.state()
        tensors |= {f"adam.{name}": value for name, value in self._optimizer.state().items()}
        meta |= {
            "step": self.step,
            "seconds": self.seconds,
            "rays": self._rays,
            "adam_steps": self._optimizer.step_count,
        }
        return tensors, meta

    @classmethod
    def resume(
        cls, scene: Scene, config: Config, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]
    ) -> Trainer:
        """Inverse of `state`.

        Raises:
            InputError: the tensors do not fit the configuration.
        """
        trainer = cls(scene, config, load_model(config, tensors, meta))
        moments = {name[5:]: value for name, value in tensors.items() if name.startswith("adam.")}
        try:
            trainer._optimizer.load_state(moments, meta["adam_steps"])
            trainer.step, trainer.seconds = meta["step"], meta["seconds"]
            trainer._rays = meta["rays"]
        except (KeyError, RuntimeError) as error:
            raise InputError(
                f"checkpoint: state must be whole, got {error}; it is damaged, start a new run"
            ) from error
        return trainer


def _mixed(seed: int, step: int) -> int:
    """A seed of its own for every step: distinct steps of one run never share one."""
    return (seed * 0x9E3779B97F4A7C15 + step) % 2**63
