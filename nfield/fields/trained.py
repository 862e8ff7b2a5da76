"""What every run trains and saves: a field, and how far it has grown."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from nfield.errors import InputError
from nfield.fields.contract import ParameterGroup
from nfield.ops.native import reuse_memory


class Trained(nn.Module):
    """A field with its size, growth and state."""

    def __init__(self, field: Any):
        super().__init__()
        reuse_memory()
        self.field: Any = field
        self.grown = 0.0

    @property
    def device(self) -> torch.device:
        """Where the model's tensors are; the CPU where it has none."""
        tensors = chain(self.parameters(), self.buffers())
        return next((tensor.device for tensor in tensors), torch.device("cpu"))

    def size(self) -> dict[str, int]:
        """How many values the field has, and their bytes."""
        return {
            "parameters": sum(parameter.numel() for parameter in self.field.parameters()),
            "bytes": sum(parameter.nbytes for parameter in self.field.parameters()),
        }

    def parameter_groups(self) -> list[ParameterGroup]:
        """What is trained; asked again whenever the field has grown."""
        groups: list[ParameterGroup] = self.field.parameter_groups()
        return groups

    def grow(self, progress: float) -> bool:
        """Let the field grow to a share of the budget; True if its parameters changed shape."""
        if progress <= self.grown or not self.field.grow(progress):
            return False
        self.grown = progress
        return True

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and plain values that `restore` takes."""
        tensors = {f"model.{name}": value for name, value in self.state_dict().items()}
        return tensors, {"grown": self.grown, **self.size()}

    def restore(self, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
        """Inverse of `state`, on a new model of the same configuration.

        Raises:
            InputError: the tensors do not fit the configuration.
        """
        self.grow(meta.get("grown", 0.0))
        given = {name[6:]: tensor for name, tensor in tensors.items() if name.startswith("model.")}
        for name, tensor in self.state_dict().items():
            if name not in given or given[name].shape != tensor.shape:
                got = tuple(given[name].shape) if name in given else "nothing"
                raise InputError(
                    f"checkpoint: {name} must have shape {tuple(tensor.shape)}, got {got}; "
                    "it is of another version or damaged, start a new run"
                )
        self.load_state_dict(given)
