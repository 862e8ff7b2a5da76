"""The native module, and how an operation joins PyTorch: dispatch, torch.compile, derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

try:
    from nfield.ops import _native as native
except ImportError as error:  # pragma: no cover - a broken installation
    raise ImportError(
        "nfield: the native module is missing or was built for another Python; "
        "reinstall with `pip install --force-reinstall nfield-engine`"
    ) from error

LARGE = 1 << 16  # values: below, the C library's memory is as fast

_library = torch.library.Library("nfield", "DEF")


def operation(schema: str, fake: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Register a CPU function as ``torch.ops.nfield.NAME``.

    Args:
        schema: The operator's signature in PyTorch's schema language.
        fake: Gives the outputs' shapes from the inputs', for torch.compile.
    """

    def register(implementation: Callable[..., Any]) -> Any:
        name = schema.split("(", 1)[0]
        _library.define(schema)
        _library.impl(name, implementation, "CPU")
        torch.library.register_fake(f"nfield::{name}", fake, lib=_library)
        return getattr(torch.ops.nfield, name).default

    return register


def derivative(name: str, compute: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the computation of first derivatives so that differentiating them raises.

    Raises:
        RuntimeError: On the second derivative, which would otherwise be silently zero.
    """

    class Derivative(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *arguments: Any) -> Any:
            return compute(*arguments)

        @staticmethod
        def backward(ctx: Any, *gradients: Tensor) -> Any:
            raise RuntimeError(f"{name}: second derivatives are not supported")

    apply: Callable[..., Any] = Derivative.apply
    return apply


def reuse_memory() -> None:
    """Have the C library keep freed memory for the next allocation, in this whole process.

    A training step allocates and frees the same large tensors again and again; returned to the
    system, they would cost a page fault for every 4 KiB of them in every step.
    """
    native.reuse_memory()


def empty(*shape: int) -> Tensor:
    """Uninitialised float32; large tensors lie in memory that the kernels keep for reuse."""
    if math.prod(shape) < LARGE:
        return torch.empty(shape)
    tensor: Tensor = native.empty(shape)
    return tensor


def isa() -> str:
    """Name of the instruction set the kernels were chosen for: amx, v4, v3, v2 or baseline."""
    name: str = native.isa()
    return name


def threads() -> int:
    """Number of threads the kernels use."""
    count: int = native.threads()
    return count


def fma_peak() -> float:
    """Measured ceiling of float32 multiply-adds on all threads, in GFLOP/s."""
    rate: float = native.fma_peak()
    return rate
