"""Rendering in pieces that the memory at hand can hold."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

# PyTorch's allocator, and the kernels'.
OUT_OF_MEMORY = (torch.OutOfMemoryError, MemoryError)

Result = TypeVar("Result")


def in_chunks(rows: Tensor, size: int, compute: Callable[[Tensor], Result]) -> list[Result]:
    """Results of `compute` for consecutive rows, `size` at a time.

    Where memory runs out a warning says what was asked for, and chunks are half as large from there
    on.

    Raises:
        torch.OutOfMemoryError, MemoryError: One row alone does not fit.
    """
    results: list[Result] = []
    begin = 0
    while begin < len(rows):
        try:
            results.append(compute(rows[begin : begin + size]))
            begin += size
            continue
        except OUT_OF_MEMORY as error:
            if size == 1:
                raise
            size //= 2
            warnings.warn(f"{first_line(error)}; going on with {size} at a time", stacklevel=2)
        # With the error's tensors gone: the kernels do not share what PyTorch keeps for itself.
        torch.cuda.empty_cache()
    return results


def first_line(error: BaseException) -> str:
    """What an error says, without the advice below it."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
