"""Adam over the parameter groups of a field."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from nfield.fields.contract import ParameterGroup
from nfield.ops.adam import adam_


class Adam:
    """Fused Adam; moments are kept per parameter under its name.

    Source: Kingma and Ba 2015, arXiv:1412.6980; betas and epsilon of Instant-NGP.
    """

    def __init__(self, module: nn.Module, groups: list[ParameterGroup]):
        self.step_count = 0
        self._moments: dict[str, tuple[Tensor, Tensor]] = {}
        self.follow(module, groups)

    def follow(self, module: nn.Module, groups: list[ParameterGroup]) -> None:
        """Take the parameters anew; moments start at zero where a shape is not what it was."""
        self._names = {parameter: name for name, parameter in module.named_parameters()}
        self._groups = groups
        self._moments = {
            name: self._kept(name, parameter) for parameter, name in self._names.items()
        }

    def _kept(self, name: str, parameter: nn.Parameter) -> tuple[Tensor, Tensor]:
        moments = self._moments.get(name)
        if moments is not None and moments[0].shape == parameter.shape:
            return moments
        return torch.zeros_like(parameter), torch.zeros_like(parameter)

    def gradients(self) -> list[Tensor]:
        """Of every parameter that has one, in the order of the groups."""
        parameters = (parameter for group in self._groups for parameter in group.parameters)
        return [parameter.grad for parameter in parameters if parameter.grad is not None]

    def step(self, learning_rate: float, progress: float) -> None:
        """Update every parameter that has a gradient, and drop the gradients.

        Args:
            progress: Share of the budget that is spent, for groups with schedules of their own.
        """
        self.step_count += 1
        for group in self._groups:
            own = group.schedule
            rate = learning_rate * group.rate if own is None else own(progress)
            for parameter in group.parameters:
                if parameter.grad is None:
                    continue
                adam_(
                    parameter,
                    parameter.grad,
                    *self._moments[self._names[parameter]],
                    step=self.step_count,
                    lr=rate,
                )
                parameter.grad = None

    def state(self) -> dict[str, Tensor]:
        """Moments by name."""
        return {
            f"{name}.{which}": moment
            for name, moments in self._moments.items()
            for which, moment in zip("mv", moments, strict=True)
        }

    def load_state(self, state: Mapping[str, Tensor], step_count: int) -> None:
        """Inverse of `state`."""
        self.step_count = step_count
        for name, (m, v) in self._moments.items():
            m.copy_(state[f"{name}.m"])
            v.copy_(state[f"{name}.v"])
