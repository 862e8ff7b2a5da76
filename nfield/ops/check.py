"""Argument checks of the operations: `<where>: <argument> must <rule>, got <value>`."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import torch
from torch import Tensor

from nfield.ops.native import native, place

ALIGNMENT = 16  # bytes
TRAINING_COPIES = 4  # a parameter, its gradient, and the two moments of Adam


def dense(
    where: str,
    name: str,
    value: Tensor,
    dtype: torch.dtype,
    *shape: int | None,
    aligned: bool = True,
) -> Tensor:
    """`value` as a contiguous tensor of the dtype and shape (None: any size).

    Args:
        aligned: Whether the GPU reads several values at once; a copy may be what is returned.

    Raises:
        TypeError: Another dtype.
        ValueError: Another shape or device.
    """
    if value.dtype != dtype:
        raise TypeError(f"{where}: {name} must be {dtype}, got {value.dtype}")
    if len(shape) != value.dim() or any(
        want is not None and want != got for want, got in zip(shape, value.shape, strict=True)
    ):
        want = ", ".join("any" if size is None else str(size) for size in shape)
        raise ValueError(f"{where}: {name} must have shape ({want}), got {tuple(value.shape)}")
    if value.device != place():
        raise ValueError(
            f"{where}: {name} must be on {place()} like the first operand, got {value.device}"
        )
    value = value.detach().contiguous()
    if aligned and value.is_cuda and value.data_ptr() % ALIGNMENT:
        return value.clone()
    return value


def floats(where: str, name: str, value: Tensor, *shape: int | None) -> Tensor:
    """`value` as a contiguous float32 tensor of the shape (None: any size)."""
    return dense(where, name, value, torch.float32, *shape)


def one_of(where: str, name: str, value: object, choices: tuple[object, ...]) -> None:
    """Raises ValueError unless `value` is one of the choices."""
    if value not in choices:
        known = ", ".join(str(choice) for choice in choices)
        raise ValueError(f"{where}: {name} must be one of {known}, got {value}")


def between(where: str, name: str, value: float, least: float, most: float) -> None:
    """Raises ValueError unless least <= value <= most."""
    if not least <= value <= most:
        raise ValueError(f"{where}: {name} must be from {least} to {most}, got {value}")


def fits_memory(where: str, shape: Sequence[int]) -> None:
    """Raises ValueError unless a float32 parameter of the shape can be trained in this memory."""
    taken = 4 * TRAINING_COPIES * math.prod(shape)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if taken > memory:
        raise ValueError(
            f"{where}: a parameter of shape {tuple(shape)} takes {taken:,} bytes with its gradient "
            f"and Adam's moments, which must fit the memory of {memory:,} bytes; "
            "choose a lower resolution or fewer channels"
        )


def packing(where: str, offset: Tensor, count: int | None = None) -> Tensor:
    """`offset` ``(R + 1,)`` as a contiguous int64 tensor.

    On a GPU its values are the caller's promise: to read them would mean to wait for them.

    Raises:
        ValueError: It does not rise from 0, or not to `count`.
    """
    offset = dense(where, "offset", offset, torch.int64, None)
    if offset.is_cuda:
        return offset
    last = native.packing_end(offset)
    if last < 0 or (count is not None and last != count):
        end = "" if count is None else f" to the number of samples {count}"
        raise ValueError(
            f"{where}: offset must rise from 0{end}, "
            f"got {offset[:1].tolist()} to {offset[-1:].tolist()}"
        )
    return offset
