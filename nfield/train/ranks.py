"""The processes that train one field together. Importing this needs no torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nfield.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Ranks:
    """Which process this is, of how many.

    All draw the same batch and take a share each; every sum is over all of them, and the same bits
    for each. A process alone is rank 0 of one: its share is the whole, and sums are what it gave.

    Raises:
        InputError: by every method that asks the others, when one of them has ended.
    """

    number: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes the run folder, and speaks."""
        return self.number == 0

    def share(self, total: int) -> slice:
        """This rank's stretch of `total` rows; those of all ranks, in order, are all rows.

        Raises:
            InputError: there are fewer rows than ranks.
        """
        if total < self.count:
            raise InputError(
                f"torchrun: a batch must have a row for each process, got {total} for "
                f"{self.count}; start fewer, or give a larger train.samples"
            )
        return slice(self.number * total // self.count, (self.number + 1) * total // self.count)

    def sum(self, *values: float) -> list[float]:
        """Sums of plain numbers, in float64."""
        if self.count == 1:
            return list(values)
        import torch

        sums = torch.tensor(values, dtype=torch.float64)
        _all_reduce(sums)
        return sums.tolist()

    def spread(self, function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """A function of rows, each computed by one rank and known to all.

        Shape
            ``(N, ...)`` -> ``(N,)``
        """
        if self.count == 1:
            return function

        def spread(rows: Tensor) -> Tensor:
            share = self.share(len(rows))
            own = function(rows[share])
            whole = own.new_zeros(len(rows))
            whole[share] = own
            _all_reduce(whole)
            return whole

        return spread

    def add_up(self, gradients: Sequence[Tensor]) -> None:
        """Replace gradients by their sums."""
        if self.count == 1 or not gradients:
            return
        import torch

        flat = torch.cat([gradient.flatten() for gradient in gradients])
        _all_reduce(flat)
        sizes = [gradient.numel() for gradient in gradients]
        for gradient, whole in zip(gradients, flat.split(sizes), strict=True):
            gradient.copy_(whole.view_as(gradient))

    def require_same(self, what: str, value: str) -> None:
        """Refuse processes that do not begin alike; none goes on before all have come here.

        Raises:
            InputError: another rank's `value` is not this one's.
        """
        if self.count == 1:
            return
        import torch.distributed as dist

        values: list[Any] = [None] * self.count
        with _all_alive():
            dist.all_gather_object(values, value)
        other = next((rank for rank, found in enumerate(values) if found != values[0]), None)
        if other is not None:
            raise InputError(
                f"torchrun: {what} must be the same in all processes, got another in rank {other}; "
                "give each the same data, run folder and NFIELD_ISA"
            )


ALONE = Ranks()


def started() -> Ranks:
    """The place among the processes that torchrun started, or alone."""
    number, count = os.environ.get("RANK"), int(os.environ.get("WORLD_SIZE", "1"))
    return ALONE if number is None or count == 1 else Ranks(int(number), count)


@contextmanager
def joined() -> Iterator[Ranks]:
    """The ranks, able to talk until the block ends.

    Tensors of the CPU are summed through gloo, those of GPUs through NCCL, and each process of a
    machine takes its own GPU, and its part of the cores unless ``OMP_NUM_THREADS`` is above 1
    (torchrun sets 1 where nothing is given).

    Raises:
        InputError: another process has ended.
    """
    ranks = started()
    if ranks.count == 1:
        yield ranks
        return
    import torch
    import torch.distributed as dist

    with_gpus = torch.cuda.is_available() and dist.is_nccl_available()
    local, beside = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    if with_gpus:
        torch.cuda.set_device(local % torch.cuda.device_count())
    if int(os.environ.get("OMP_NUM_THREADS", "1")) == 1:
        torch.set_num_threads(max(1, _cores() // beside))
    with _all_alive():
        dist.init_process_group("cpu:gloo,cuda:nccl" if with_gpus else "gloo")
    try:
        yield ranks
    finally:
        dist.destroy_process_group()


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _all_reduce(values: Tensor) -> None:
    import torch.distributed as dist

    with _all_alive():
        dist.all_reduce(values)


@contextmanager
def _all_alive() -> Iterator[None]:
    """Turn the error of a lost connection into what it means."""
    try:
        yield
    except RuntimeError as error:
        raise InputError(
            "torchrun: all processes of a fit must go on, got one that ended; "
            "continue from the last checkpoint with --resume"
        ) from error
