"""One training step: a loss to its gradients to new parameters."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from nfield.config import Config, identity
from nfield.data.scene import Scene
from nfield.data.target import Target
from nfield.errors import InputError
from nfield.render.chunks import OUT_OF_MEMORY, first_line
from nfield.train.device import deterministic
from nfield.train.optimizer import Adam
from nfield.train.ranks import ALONE, Ranks
from nfield.train.step import Step
from nfield.train.task import Lesson, Task, make_task, resume_task


class Trainer:
    """Lowers the loss of a task, alone or with other ranks that do the same steps.

    Every random number of a step comes from (seed, step): a run whose budget is in steps is
    repeated, and resumed, to the bit.
    """

    def __init__(
        self,
        data: Scene | Target | Lesson,
        config: Config,
        task: Task | None = None,
        ranks: Ranks = ALONE,
    ):
        torch.manual_seed(config.seed)
        self.config = config
        self.ranks = ranks
        self.task = task or make_task(data, config)
        self.model = self.task.model
        self.step = 0
        self.seconds = 0.0
        self._optimizer = Adam(self.model, self.model.parameter_groups())

    def train_step(self) -> dict[str, Any]:
        """Do one step, and return what the task has to say of it, its `loss` among it.

        Raises:
            InputError: the loss is not finite, or memory does not hold a step.
        """
        try:
            with deterministic(self.model.device, self.config.train.deterministic):
                return self._train_step()
        except OUT_OF_MEMORY as error:
            raise InputError(
                f"step {self.step}: memory must hold a step, got {first_line(error)}; fit again "
                "with a smaller train.samples"
            ) from error

    def _train_step(self) -> dict[str, Any]:
        generator = torch.Generator().manual_seed(_mixed(self.config.seed, self.step))
        if self.model.grow(self._progress()):
            self._optimizer.follow(self.model, self.model.parameter_groups())
        step = Step(self.step, self._progress(), generator, self.ranks)
        loss, record = self.task.loss(step)
        if not math.isfinite(record["loss"]):
            raise InputError(
                f"step {self.step}: loss must be finite, got {record['loss']}; the field has "
                "diverged, fit again with a smaller train.learning_rate (the last checkpoint is "
                "from before)"
            )
        penalty = self.task.penalty(step)
        (loss if penalty is None else loss + penalty / self.ranks.count).backward()
        self.ranks.add_up(self._optimizer.gradients())
        self._optimizer.step(self._learning_rate(), self._progress())
        self.step += 1
        return record

    def _progress(self) -> float:
        """Share of the budget that is spent.

        The budget is `max_seconds`, or `decay_steps` where there is none, so that a run in steps is
        the same however it is cut into pieces.
        """
        if self.config.max_seconds is not None:
            return min(self.seconds / self.config.max_seconds, 1.0)
        return min(self.step / self.config.train.decay_steps, 1.0)

    def _learning_rate(self) -> float:
        """Late and steep: rate (final / rate)^(p^3), p the share of the budget spent."""
        train = self.config.train
        ratio = train.final_learning_rate / train.learning_rate
        return train.learning_rate * ratio ** self._progress() ** 3

    def outline(self) -> str:
        """What all ranks must agree on before the first step."""
        return json.dumps([identity(self.config), self.state()[1]], sort_keys=True)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything the next step depends on: tensors and plain values."""
        tensors, meta = self.model.state()
        tensors |= {f"adam.{name}": value for name, value in self._optimizer.state().items()}
        own, values = self.task.state()
        tensors |= {f"task.{name}": value for name, value in own.items()}
        meta |= values | {
            "step": self.step,
            "seconds": self.seconds,
            "adam_steps": self._optimizer.step_count,
        }
        return tensors, meta

    @classmethod
    def resume(
        cls,
        data: Scene | Target | Lesson,
        config: Config,
        tensors: Mapping[str, Tensor],
        meta: Mapping[str, Any],
        ranks: Ranks = ALONE,
    ) -> Trainer:
        """Inverse of `state`.

        Raises:
            InputError: the tensors do not fit the configuration.
        """
        trainer = cls(data, config, resume_task(data, config, tensors, meta), ranks)
        try:
            trainer._optimizer.load_state(_under("adam.", tensors), meta["adam_steps"])
            trainer.step, trainer.seconds = meta["step"], meta["seconds"]
            trainer.task.restore(_under("task.", tensors), meta)
        except (KeyError, RuntimeError) as error:
            raise InputError(
                f"checkpoint: state must be whole, got {error}; it is damaged, start a new run"
            ) from error
        return trainer


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _mixed(seed: int, step: int) -> int:
    """A seed of its own for every step: distinct steps of one run never share one."""
    return (seed * 0x9E3779B97F4A7C15 + step) % 2**63
