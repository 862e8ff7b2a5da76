"""Two tasks of one model, one after the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from nfield.fields.trained import Trained
from nfield.train.step import Step
from nfield.train.task import Task


class Succession:
    """The first task until a share of the budget, then the second; each sees its own share."""

    def __init__(self, first: Task, second: Task, change: float):
        self._first, self._second, self._change = first, second, change

    @property
    def model(self) -> Trained:
        """The model of both."""
        return self._first.model

    def loss(self, step: Step) -> tuple[Tensor, dict[str, Any]]:
        """See `Task`."""
        task, own = self._now(step)
        return task.loss(own)

    def penalty(self, step: Step) -> Tensor | None:
        """See `Task`."""
        task, own = self._now(step)
        return task.penalty(own)

    def _now(self, step: Step) -> tuple[Task, Step]:
        """The task of a step, and the step at the task's own share."""
        change = self._change
        if step.progress < change:
            return self._first, dataclasses.replace(step, progress=step.progress / change)
        share = (step.progress - change) / (1 - change)
        return self._second, dataclasses.replace(step, progress=share)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """See `Task`."""
        tensors: dict[str, Tensor] = {}
        values: dict[str, Any] = {}
        for name, task in (("first", self._first), ("second", self._second)):
            own, plain = task.state()
            tensors |= {f"{name}.{key}": value for key, value in own.items()}
            values |= {f"{name}.{key}": value for key, value in plain.items()}
        return tensors, values

    def restore(self, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
        """See `Task`."""
        for name, task in (("first.", self._first), ("second.", self._second)):
            task.restore(_under(name, tensors), _under(name, meta))


def _under(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {k.removeprefix(prefix): v for k, v in values.items() if k.startswith(prefix)}
