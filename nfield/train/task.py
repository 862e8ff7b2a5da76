"""What is asked of a fit: a loss for every step. Rays of a scene, or points of anything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from nfield.config import Config
from nfield.data.scene import Scene
from nfield.data.target import Target
from nfield.fields.model import Model, load_model, photos_of
from nfield.fields.trained import Trained
from nfield.fields.value_model import ValueModel, load_value_model
from nfield.train.device import placed
from nfield.train.points import PointTask
from nfield.train.rays import RayTask
from nfield.train.step import Step


class Task(Protocol):
    """A model and the loss that it is to lower."""

    @property
    def model(self) -> Trained: ...

    def loss(self, step: Step) -> tuple[Tensor, dict[str, Any]]:
        """This rank's part of the loss of a step, and what is to be logged of the whole step, its
        `loss` among it. The parts of all ranks add up to the loss.
        """
        ...

    def penalty(self, step: Step) -> Tensor | None:
        """What the model's regularisation adds to the loss of a step."""
        ...

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and plain values that the next step depends on besides the model."""
        ...

    def restore(self, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
        """Inverse of `state`; other keys may be present. Raises KeyError where one is absent."""
        ...


@runtime_checkable
class Lesson(Protocol):
    """What a field can be fitted to that makes its own task."""

    def begin(self, config: Config) -> Task:
        """The task of fitting a new model."""
        ...

    def resume(
        self, config: Config, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]
    ) -> Task:
        """The task of fitting the model of a checkpoint further."""
        ...


def make_task(data: Scene | Target | Lesson, config: Config) -> Task:
    """The task of fitting a new model to data.

    Raises:
        InputError: settings that the field does not take, data without anything to fit, or a
            device that is not there.
    """
    if isinstance(data, Lesson):
        return data.begin(config)
    if isinstance(data, Scene):
        centers = data.splits["train"].cameras.camera_to_world[:, :, 3]
        photos = photos_of(config, data.bounds, centers)
        return RayTask(data, config, placed(Model(config, data.bounds, photos=photos), config))
    points = data.points(config.seed)
    return PointTask(points, config, placed(ValueModel(config, points.out_dim), config))


def resume_task(
    data: Scene | Target | Lesson,
    config: Config,
    tensors: Mapping[str, Tensor],
    meta: Mapping[str, Any],
) -> Task:
    """The task of fitting the model of a checkpoint further.

    Raises:
        InputError: the checkpoint does not fit the configuration, or a device that is not there.
    """
    if isinstance(data, Lesson):
        return data.resume(config, tensors, meta)
    if isinstance(data, Scene):
        return RayTask(data, config, placed(load_model(config, tensors, meta), config))
    model = placed(load_value_model(config, tensors, meta), config)
    return PointTask(data.points(config.seed), config, model)
