"""A field of values at points: what a run of an image, a shape or a video trains and asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from nfield.config import Config
from nfield.errors import InputError
from nfield.fields.build import build
from nfield.fields.contract import ValueField
from nfield.fields.trained import Trained

POINTS_PER_CHUNK = 1 << 16


class ValueModel(Trained):
    """A value field and the number of values it gives.

    Raises:
        InputError: settings that the field does not take.
    """

    field: ValueField

    def __init__(self, config: Config, out_dim: int):
        super().__init__(build(config, out_dim))
        self.out_dim = out_dim

    @torch.no_grad()
    def values(self, x: Tensor) -> Tensor:
        """Values ``(N, O)`` at points ``(N, D)``, some ten thousand at a time, where x is."""
        chunks = x.split(POINTS_PER_CHUNK)
        return torch.cat([self.field(chunk.to(self.device)).to(x.device) for chunk in chunks])

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and plain values that `load_value_model` makes the model of."""
        tensors, meta = super().state()
        return tensors, {**meta, "values": self.out_dim}


def load_value_model(
    config: Config, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]
) -> ValueModel:
    """The model of a checkpoint, inverse of `ValueModel.state`.

    Raises:
        InputError: the checkpoint does not fit the configuration.
    """
    if "values" not in meta:
        raise InputError(
            "checkpoint: values must be given, got none; it is damaged, start a new run"
        )
    model = ValueModel(config, meta["values"])
    model.restore(tensors, meta)
    return model
