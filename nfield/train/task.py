"""What is asked of a fit: a loss for every step. Rays of a scene, or points of anything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from nfield.config import Config
from nfield.data.scene import Scene
from nfield.data.target import Target
from nfield.fields.model import Model, load_model
from nfield.fields.trained import Trained
from nfield.fields.value_model import ValueModel, load_value_model
from nfield.train.points import PointTask
from nfield.train.rays import RayTask


class Task(Protocol):
    """A model and the loss that it is to lower."""

    @property
    def model(self) -> Trained: ...

    def loss(self, step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, Any]]:
        """Loss of a step, all of whose random numbers `generator` gives, and values to log."""
        ...

    def state(self) -> dict[str, Any]:
        """Plain values that the next step depends on besides the model."""
        ...

    def restore(self, meta: Mapping[str, Any]) -> None:
        """Inverse of `state`; other keys may be present. Raises KeyError where one is absent."""
        ...


def make_task(data: Scene | Target, config: Config) -> Task:
    """The task of fitting a new model to data.

    Raises:
        InputError: settings that the field does not take, or data without anything to fit.
    """
    if isinstance(data, Scene):
        return RayTask(data, config, Model(config, data.bounds))
    points = data.points(config.seed)
    return PointTask(points, config, ValueModel(config, points.out_dim))


def resume_task(
    data: Scene | Target, config: Config, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]
) -> Task:
    """The task of fitting the model of a checkpoint further.

    Raises:
        InputError: the checkpoint does not fit the configuration.
    """
    if isinstance(data, Scene):
        return RayTask(data, config, load_model(config, tensors, meta))
    model = load_value_model(config, tensors, meta)
    return PointTask(data.points(config.seed), config, model)
