"""Coordinate-aware modulation's layer beside PyTorch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmarks.comparison import Comparison, forward, forward_backward
from benchmarks.peers import cam_torch
from nfield.ops.modulated_layer import ModulatedLayerShape, modulated_layer


def modulated_layers(rows: int) -> Iterator[Comparison]:
    """The layer at two widths."""
    for width in (256, 64):
        yield from modulated_layer_of(width, rows)


def modulated_layer_of(width: int, rows: int) -> Iterator[Comparison]:
    shape = ModulatedLayerShape(width, width)
    operands = (
        torch.randn(rows, shape.in_dim),
        torch.randn(shape.out_dim, shape.in_dim) / shape.in_dim**0.5,
        torch.randn(shape.out_dim),
        torch.rand(rows, 1) + 0.5,
        torch.randn(rows, 1),
    )
    for operand in operands:
        operand.requires_grad_()
    upstream = torch.randn(rows, shape.out_dim)
    forwards, backwards = {}, {}
    for function in (cam_torch.fused_norm, cam_torch.written_out):
        compiled = torch.compile(function, dynamic=False)
        for kind, peer in (("torch.compile", compiled), ("torch eager", function)):
            name = f"{kind} {function.__name__}"
            forwards[name] = forward(peer, *operands)
            backwards[name] = forward_backward(peer, operands, operands, upstream)
    flops = 2.0 * rows * shape.in_dim * shape.out_dim
    name = f"modulated layer {width}->{width}"

    def ours(x: Tensor, weight: Tensor, bias: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return modulated_layer(x, weight, bias, gamma, beta, shape)

    run = forward(ours, *operands)
    yield Comparison(f"{name}, forward", run, forwards, rows, {"": 3.0}, flops)
    run = forward_backward(ours, operands, operands, upstream)
    yield Comparison(f"{name}, forward+backward", run, backwards, rows, {"": 3.0}, 3 * flops)
