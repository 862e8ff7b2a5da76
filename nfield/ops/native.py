"""The native module, and how an operation joins PyTorch: dispatch, torch.compile, derivatives."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ParamSpec, TypeVar

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

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_library = torch.library.Library("nfield", "DEF")


def operation(schema: str, fake: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Register a function as ``torch.ops.nfield.NAME``, on the CPU and on GPUs.

    Args:
        schema: The operator's signature in PyTorch's schema language.
        fake: Gives the outputs' shapes from the inputs', for torch.compile.
    """

    def register(implementation: Callable[..., Any]) -> Any:
        name = schema.split("(", 1)[0]
        _library.define(schema)
        _library.impl(name, implementation, "CPU")
        _library.impl(name, placed(implementation), "CUDA")
        torch.library.register_fake(f"nfield::{name}", fake, lib=_library)
        return getattr(torch.ops.nfield, name).default

    return register


def placed(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Have the kernels that the function calls run where its first tensor lies.

    On a GPU they join PyTorch's current stream; sums of gradients do not depend on the order of
    threads where `torch.use_deterministic_algorithms` asks for it.

    Raises:
        RuntimeError: The tensor is on a GPU that the native module does not support.
    """

    @functools.wraps(function)
    def run(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        first = next(_tensors((*arguments, *named.values())))
        if not first.is_cuda:
            return function(*arguments, **named)
        with torch.cuda.device(first.device):
            stream = torch.cuda.current_stream().cuda_stream
            exact = torch.are_deterministic_algorithms_enabled()
            before = native.enter(native.Place(first.device.index, stream, exact))
            try:
                return function(*arguments, **named)
            finally:
                native.enter(before)

    return run


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    """The tensors among arguments, those in lists too."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


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
    """Uninitialised float32 where the kernels run (`placed`).

    Large tensors on the CPU lie in memory that the kernels keep for reuse.
    """
    if native.device() >= 0:
        return torch.empty(shape, device=place())
    if math.prod(shape) < LARGE:
        return torch.empty(shape)
    tensor: Tensor = native.empty(shape)
    return tensor


def place() -> torch.device:
    """The device whose kernels this thread calls."""
    index: int = native.device()
    return torch.device("cpu") if index < 0 else torch.device("cuda", index)


def gpu_obstacle() -> str:
    """What keeps the kernels from GPUs, as a sentence; empty where nothing does."""
    sentence: str = native.gpu_obstacle()
    return sentence


def isa() -> str:
    """Instruction set that the kernels were chosen for: amx, v4, v3, v2, baseline, emulation."""
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
