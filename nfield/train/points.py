"""The task of fitting values: points to values to a loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from nfield.config import Config
from nfield.data.target import Points
from nfield.fields.presets import preset
from nfield.fields.value_model import ValueModel
from nfield.train.graphs import Values, recorded
from nfield.train.losses import LOSSES, mean_square, psnr_of
from nfield.train.step import Step


class PointTask:
    """Random points of an image, a shape or a video, and the values they should have."""

    def __init__(self, points: Points, config: Config, model: ValueModel):
        self.model = model
        self._points = points
        self._count = config.train.samples
        self._values = recorded(model.field, Values, config)
        self._loss = LOSSES[config.train.loss]
        self._are_colors = preset(config.field).kind != "distance"

    def loss(self, step: Step) -> tuple[Tensor, dict[str, Any]]:
        """The loss of new points, and `psnr` (of the batch, where values are colours), `points`."""
        device = self.model.device
        x, truth = (part.to(device) for part in self._points.draw(self._count, step.generator))
        share = step.ranks.share(len(x))
        values, truth = self._values(x[share]), truth[share]
        weight = len(truth) / len(x)
        part = self._loss(values, truth) * weight
        error = mean_square(values, truth) * weight
        total, error = step.ranks.sum(float(part.detach()), error)
        record: dict[str, Any] = {"loss": total, "points": len(x)}
        if self._are_colors:
            record["psnr"] = psnr_of(error)
        return part, record

    def penalty(self, step: Step) -> Tensor | None:
        """See `nfield.train.task.Task`."""
        return self.model.field.regularization()

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Nothing: a step depends on the model and its own number alone."""
        return {}, {}

    def restore(self, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
        """Inverse of `state`."""
