"""Coordinate-aware modulation's layer beside its fastest peer.

`python -m benchmarks.architectures_cam`
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator

import torch
import tyro

from benchmarks.kernels import Comparison, forward, forward_backward, measure
from benchmarks.peers import cam_torch
from benchmarks.timing import markdown, print_bars
from nfield.ops import native
from nfield.ops.modulated_layer import ModulatedLayerShape, modulated_layer


def modulated_layers(rows: int) -> Iterator[Comparison]:
    shape = ModulatedLayerShape(256, 256)
    operands = (
        torch.randn(rows, shape.in_dim),
        torch.randn(shape.out_dim, shape.in_dim) / 16,
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
    name, ours = "modulated layer 256->256", functools.partial(modulated_layer, shape=shape)
    run = forward(ours, *operands)
    yield Comparison(f"{name}, forward", run, forwards, rows, {"": 3.0}, flops)
    run = forward_backward(ours, operands, operands, upstream)
    yield Comparison(f"{name}, forward+backward", run, backwards, rows, {"": 3.0}, 3 * flops)


def main(seconds: float = 4.0, shrink: int = 1) -> None:
    """Time the layer beside its peers.

    Args:
        seconds: time spent per comparison, at least five turns each.
        shrink: divide the batch by this: a quick check, not a measurement.
    """
    torch.manual_seed(0)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    peak = native.fma_peak()
    records = [measure(case, seconds, peak) for case in modulated_layers((1 << 15) // shrink)]
    columns = ("kernel", "ours_ms", "best_peer", "ratio", "gflops", "max_difference")
    print(markdown(columns, [[record[key] for key in columns] for record in records]))
    for record in records:
        print(record["kernel"], {name: round(ms, 2) for name, ms in record["peers_ms"].items()})
    print_bars([bar for record in records for bar in record["bars"]])


if __name__ == "__main__":
    tyro.cli(main)
