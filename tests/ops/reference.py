"""What the tests of the operations share: gradients of a float64 reference, and thread counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


def with_gradients(
    function: Callable[..., Tensor], inputs: Sequence[Tensor], weight: Tensor
) -> list[Tensor]:
    """Output of the function, and the gradients of sum(weight * output) to every input."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    output = function(*leaves)
    gradients = torch.autograd.grad((output * weight.to(output.dtype)).sum(), leaves)
    return [output.detach(), *gradients]


def on_threads(count: int, compute: Callable[[], list[Tensor]]) -> list[Tensor]:
    """The computation's result with another number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        return compute()
    finally:
        torch.set_num_threads(before)


def same_bits(a: Sequence[Tensor], b: Sequence[Tensor]) -> bool:
    """Whether all tensors agree to the bit."""
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


class _Half(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.half().to(value.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


def half(value: Tensor) -> Tensor:
    """The nearest half, as a tensor core reads a factor; its gradient is that of the value."""
    rounded: Tensor = _Half.apply(value)
    return rounded
