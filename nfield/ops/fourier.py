"""Fourier features: sines and cosines of linear functions of coordinates, and their gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import derivative, empty, native, operation


def _checked(x: Tensor, frequencies: Tensor) -> tuple[Tensor, Tensor]:
    frequencies = check.floats("fourier", "frequencies", frequencies, None, None)
    check.between("fourier", "number of frequencies", len(frequencies), 1, 1 << 20)
    check.between("fourier", "dimensions", frequencies.shape[1], 1, 4)
    return check.floats("fourier", "x", x, None, frequencies.shape[1]), frequencies


@operation(
    "fourier_forward(Tensor x, Tensor frequencies) -> Tensor",
    lambda x, frequencies: x.new_empty(x.shape[0], 2 * frequencies.shape[0]),
)
def _forward(x: Tensor, frequencies: Tensor) -> Tensor:
    x, frequencies = _checked(x, frequencies)
    y = empty(len(x), 2 * len(frequencies))
    native.fourier_forward(x, frequencies, y)
    return y


@operation(
    "fourier_backward(Tensor x, Tensor frequencies, Tensor y, Tensor dy, bool wants_x,"
    " bool wants_frequencies) -> (Tensor, Tensor)",
    lambda x, frequencies, y, dy, wants_x, wants_frequencies: (
        x.new_empty(x.shape if wants_x else (0,)),
        x.new_empty(frequencies.shape if wants_frequencies else (0,)),
    ),
)
def _backward(
    x: Tensor, frequencies: Tensor, y: Tensor, dy: Tensor, wants_x: bool, wants_frequencies: bool
) -> tuple[Tensor, Tensor]:
    x, frequencies = _checked(x, frequencies)
    y = check.floats("fourier", "y", y, len(x), 2 * len(frequencies))
    dy = check.floats("fourier", "dy", dy, len(x), 2 * len(frequencies))
    dx = x.new_empty(x.shape if wants_x else (0,))
    dfrequencies = x.new_empty(frequencies.shape if wants_frequencies else (0,))
    native.fourier_backward(
        x,
        frequencies,
        y,
        dy,
        dx if wants_x else None,
        dfrequencies if wants_frequencies else None,
    )
    return dx, dfrequencies


_derivative = derivative("fourier", _backward)


class _Fourier(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, frequencies: Tensor) -> Tensor:
        y: Tensor = _forward(x, frequencies)
        ctx.save_for_backward(x, frequencies, y)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        wants = ctx.needs_input_grad
        gradients = _derivative(*ctx.saved_tensors[:3], dy, *wants)
        return tuple(
            gradient if wanted else None for gradient, wanted in zip(gradients, wants, strict=True)
        )


def fourier(x: Tensor, frequencies: Tensor) -> Tensor:
    r"""Sines of all frequencies, then cosines of all frequencies.

    Formula
        $y = [\sin(2\pi B x), \cos(2\pi B x)]$ with $B$ the frequencies, in turns per unit of x;
        $B x$ is rounded to float32, whole turns are taken off it exactly
    Shape
        x ``(N, D)`` float32, frequencies ``(K, D)`` float32, D from 1 to 4 -> ``(N, 2 K)`` float32
    Raises
        TypeError, ValueError: another dtype, shape or device.
        RuntimeError: on second derivatives.
    Source
        Tancik et al. 2020, Fourier Features, arXiv:2006.10739, Eq. 5; csrc/cpu/fourier.cpp
    """
    y: Tensor = _Fourier.apply(x, frequencies)
    return y
