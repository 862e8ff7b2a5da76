"""Layer of coordinate-aware modulation: linear, norm, scale and shift, activation in one pass."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import derivative, empty, native, operation

NORMS = ("none", "layer", "ray", "instance")  # position = native code
ACTIVATIONS = ("none", "relu")  # position = native code


@dataclass(frozen=True)
class ModulatedLayerShape:
    """Sizes of a modulated layer.

    Raises:
        ValueError: sizes outside those the kernel takes; an unknown norm or activation.

    Args:
        modulation: Scales (and shifts) of a row: 1 for all channels together, or `out_dim`.
        norm: What is brought to zero mean and unit variance (with 1e-5 added to the variance):
            ``none`` nothing; ``layer`` the channels of each row; ``ray`` all channels of a group of
            rows together (the samples of a ray); ``instance`` each channel of a group of rows by
            itself (the pixels of a frame).
        group: Consecutive rows normalised together, for ``ray`` and ``instance``; else 1.
        activation: none or relu.
    """

    in_dim: int
    out_dim: int
    modulation: int = 1
    norm: str = "layer"
    group: int = 1
    activation: str = "relu"

    def __post_init__(self) -> None:
        check.between("ModulatedLayer", "in_dim", self.in_dim, 1, 4096)
        check.between("ModulatedLayer", "out_dim", self.out_dim, 1, 4096)
        check.one_of("ModulatedLayer", "modulation", self.modulation, (1, self.out_dim))
        check.one_of("ModulatedLayer", "norm", self.norm, NORMS)
        check.one_of("ModulatedLayer", "activation", self.activation, ACTIVATIONS)
        if self.norm in ("none", "layer"):
            check.one_of("ModulatedLayer", f"group of norm {self.norm}", self.group, (1,))
        check.between("ModulatedLayer", "group", self.group, 1, 1 << 31)

    @property
    def code(self) -> list[int]:
        """The shape as integers, for the operators' signatures."""
        norm, activation = NORMS.index(self.norm), ACTIVATIONS.index(self.activation)
        return [self.in_dim, self.out_dim, self.modulation, norm, self.group, activation]

    def units(self, rows: int) -> int:
        """Numbers of which every row's statistics are made."""
        units = {"none": 0, "layer": rows, "ray": rows // self.group}
        return units.get(self.norm, rows // self.group * self.out_dim)


@functools.lru_cache(maxsize=64)
def _native_layer(*code: int) -> tuple[ModulatedLayerShape, Any]:
    in_dim, out_dim, modulation, norm, group, activation = code
    shape = ModulatedLayerShape(
        in_dim, out_dim, modulation, NORMS[norm], group, ACTIVATIONS[activation]
    )
    return shape, native.ModulatedLayer(*code)


def _checked(layer: list[Tensor], code: list[int]) -> tuple[ModulatedLayerShape, Any, list[Tensor]]:
    shape, kernel = _native_layer(*code)
    x, weight, bias, gamma, beta = layer
    rows = len(x)
    operands = [
        check.floats("modulated_layer", "x", x, None, shape.in_dim),
        check.floats("modulated_layer", "weight", weight, shape.out_dim, shape.in_dim),
        check.floats("modulated_layer", "bias", bias, shape.out_dim),
        check.floats("modulated_layer", "gamma", gamma, rows, shape.modulation),
        check.floats("modulated_layer", "beta", beta, rows, shape.modulation),
    ]
    if rows % shape.group:
        raise ValueError(
            f"modulated_layer: the number of rows must be a multiple of group {shape.group}, "
            f"got {rows}"
        )
    return shape, kernel, operands


def _outputs(layer: list[Tensor], code: list[int], keep: bool) -> list[tuple[int, ...]]:
    """Shapes of y and, if they are to be kept, the normalised features and 1 / deviation."""
    shape, _ = _native_layer(*code)
    rows = layer[0].shape[0]
    kept = rows if keep else 0
    return [(rows, shape.out_dim), (kept, shape.out_dim), (shape.units(kept),)]


@operation(
    "modulated_layer_forward(Tensor[] layer, int[] shape, bool keep) -> (Tensor, Tensor, Tensor)",
    lambda layer, shape, keep: tuple(layer[0].new_empty(s) for s in _outputs(layer, shape, keep)),
)
def _forward(layer: list[Tensor], code: list[int], keep: bool) -> tuple[Tensor, Tensor, Tensor]:
    _, kernel, operands = _checked(layer, code)
    y, normal, scale = (empty(*sides) for sides in _outputs(operands, code, keep))
    kernel.forward(*operands, y, normal if keep else None, scale if keep else None)
    return y, normal, scale


@operation(
    "modulated_layer_backward(Tensor[] layer, Tensor[] kept, Tensor dy, int[] shape, bool wants_x)"
    " -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
    lambda layer, kept, dy, shape, wants_x: (
        layer[0].new_empty(layer[0].shape if wants_x else (0,)),
        *(torch.empty_like(operand) for operand in layer[1:]),
    ),
)
def _backward(
    layer: list[Tensor], kept: list[Tensor], dy: Tensor, code: list[int], wants_x: bool
) -> tuple[Tensor, ...]:
    shape, kernel, operands = _checked(layer, code)
    dy = check.floats("modulated_layer", "dy", dy, len(operands[0]), shape.out_dim)
    dx = empty(*operands[0].shape) if wants_x else empty(0)
    gradients = [empty(*operand.shape) for operand in operands[1:]]
    kernel.backward(*operands, *kept, dy, dx if wants_x else None, *gradients)
    return dx, *gradients


def _gradients(dy: Tensor, code: list[int], wants_x: bool, *saved: Tensor) -> tuple[Tensor, ...]:
    gradients: tuple[Tensor, ...] = _backward(list(saved[:5]), list(saved[5:]), dy, code, wants_x)
    return gradients


_derivative = derivative("modulated_layer", _gradients)


class _ModulatedLayer(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, code: list[int], *layer: Tensor) -> Tensor:
        y: Tensor
        y, normal, scale = _forward(list(layer), code, True)
        ctx.save_for_backward(*layer, normal, scale)
        ctx.code = code
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        wants_x = ctx.needs_input_grad[1]
        dx, *others = _derivative(dy, ctx.code, wants_x, *ctx.saved_tensors)
        return None, dx if wants_x else None, *others


def modulated_layer(
    x: Tensor, weight: Tensor, bias: Tensor, gamma: Tensor, beta: Tensor, shape: ModulatedLayerShape
) -> Tensor:
    r"""Rows through a linear layer whose normalised features are scaled and shifted row by row.

    Formula
        $z = W x + b$, $n = (z - \mu) / \sqrt{\sigma^2 + 10^{-5}}$,
        $y = a(\gamma n + \beta)$ with a = none or ReLU; mean and variance over what `shape.norm`
        names ($n = z$ for ``none``)
    Shape
        x ``(N, in)``, weight ``(out, in)``, bias ``(out,)``, gamma and beta ``(N, 1)`` or
        ``(N, out)``, all float32 -> ``(N, out)`` float32; N a multiple of `shape.group`
    Raises
        TypeError, ValueError: another dtype, shape or device.
        RuntimeError: on second derivatives.
    Source
        Lee et al. 2024, Coordinate-Aware Modulation for Neural Fields, arXiv:2311.14993;
        csrc/cpu/modulated_layer.cpp
    """
    layer = (x, weight, bias, gamma, beta)
    y: Tensor
    if torch.is_grad_enabled() and any(operand.requires_grad for operand in layer):
        y = _ModulatedLayer.apply(shape.code, *layer)
    else:
        y = _forward(list(layer), shape.code, False)[0]
    return y
