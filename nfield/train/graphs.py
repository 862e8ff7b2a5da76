"""Small steps on a GPU: a field's values and gradients as recorded launches (CUDA graphs)."""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from nfield.config import Config

MOST = 4  # recordings that are kept
FINENESS = 8  # capacities from a power of two to the next: at most an eighth is padding


def _record(module: nn.Module, inputs: tuple[Tensor, ...]) -> Any:
    # Gradients meet the parameters on the stream of the recording, which the replay waits for.
    torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch(False)
    return torch.cuda.make_graphed_callables(module, inputs)


class Graphs:
    """A function of rows, recorded for every capacity and replayed for any number of rows.

    A recording has one size: rows are padded with zeros up to its capacity, and what they give is
    dropped, so that they have no gradients. When the field's parameters have moved, as growing
    grids do, it is recorded anew.

    Args:
        field: Has the parameters.
        function: Makes the function of the field, a module that gives a tensor or several.
        record: Makes a module's recording for inputs such as the given ones; CUDA's by default.
    """

    def __init__(
        self,
        field: Any,
        function: Callable[[Any], nn.Module],
        record: Callable[..., Any] = _record,
    ):
        self._field, self._function, self._record = field, function, record
        self._recorded: OrderedDict[Any, Any] = OrderedDict()
        self._places: list[Any] = []

    def __call__(self, *rows: Tensor) -> Any:
        """What the function gives for rows ``(N, ...)``: N rows, or several tensors of N rows."""
        count = len(rows[0])
        room = capacity(count)
        padded = [nn.functional.pad(part, (0, 0, 0, room - count)) for part in rows]
        given = self._recording(padded)(*padded)
        if isinstance(given, Tensor):
            return given[:count]
        return tuple(part[:count] for part in given)

    def _recording(self, inputs: list[Tensor]) -> Any:
        places = [(value.data_ptr(), value.shape) for value in self._field.parameters()]
        if places != self._places:
            self._forget(len(self._recorded))
            self._places = places
        key = (len(inputs[0]), *(part.requires_grad for part in inputs))
        if key not in self._recorded:
            self._forget(len(self._recorded) - MOST + 1)
            like = tuple(torch.zeros_like(i, requires_grad=i.requires_grad) for i in inputs)
            self._recorded[key] = self._record(self._function(self._field), like)
        self._recorded.move_to_end(key)
        return self._recorded[key]

    def _forget(self, count: int) -> None:
        """Give up the oldest recordings, and their memory, which cycles of references hold."""
        if count <= 0:
            return
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
        for _ in range(count):
            self._recorded.popitem(last=False)
        gc.collect()


def capacity(rows: int) -> int:
    """The least of eight numbers from each power of two to the next that is not below `rows`."""
    unit = max((1 << max(rows - 1, 0).bit_length()) // (2 * FINENESS), 1)
    return max(-(-rows // unit) * unit, 1)


def recorded(
    field: Any, function: Callable[[Any], nn.Module], config: Config
) -> Callable[..., Any]:
    """The function of a field, recorded where `train.graphs` asks for it."""
    return Graphs(field, function) if config.train.graphs else function(field)


class Values(nn.Module):
    """A field of values as a module of its own, so that recording does not touch the field."""

    def __init__(self, field: Any):
        super().__init__()
        self.field = field

    def forward(self, x: Tensor) -> Tensor:
        """Points to values."""
        y: Tensor = self.field(x)
        return y
