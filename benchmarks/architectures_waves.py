"""Frequency encodings and coordinate networks beside PyTorch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch

from benchmarks.kernels import Comparison, forward, forward_backward
from benchmarks.peers.mlp_torch import make_mlp
from benchmarks.peers.waves_torch import Sines
from benchmarks.peers.waves_torch import fourier as fourier_torch
from nfield.encodings.fourier import Fourier
from nfield.networks.finer import Finer
from nfield.networks.mlp import MLP
from nfield.networks.siren import Siren


def wide_mlp(rows: int) -> Iterator[Comparison]:
    widths = [3, *[256] * 8, 4]
    ours = MLP(3, 4, width=256, hidden=8)
    x, upstream = torch.randn(rows, 3, requires_grad=True), torch.randn(rows, 4)
    peer = make_mlp(ours.weights, widths)
    compiled = torch.compile(peer, dynamic=False)
    leaves = (x, *peer.parameters())
    flops = 2.0 * rows * sum(a * b for a, b in itertools.pairwise(widths))
    name = "MLP 3-256x8-4"
    peers = {"torch.compile": forward(compiled, x), "torch eager": forward(peer, x)}
    yield Comparison(
        f"{name}, forward", forward(ours, x), peers, rows, {"torch.compile": 1.3}, flops
    )
    run = forward_backward(ours, (x,), (x, ours.weights), upstream)
    peers = {
        "torch.compile": forward_backward(compiled, (x,), leaves, upstream),
        "torch eager": forward_backward(peer, (x,), leaves, upstream),
    }
    bars = {"torch.compile": 1.4}
    yield Comparison(f"{name}, forward+backward", run, peers, rows, bars, 3 * flops)


def fourier(points: int) -> Iterator[Comparison]:
    ours = Fourier(2, 256, 10.0)
    x = torch.rand(points, 2)
    compiled = torch.compile(fourier_torch, dynamic=False)
    peers = {
        "torch.compile": forward(compiled, x, ours.frequencies),
        "torch eager": forward(fourier_torch, x, ours.frequencies),
    }
    yield Comparison("Fourier features 2-512", forward(ours, x), peers, points, {"": 3.0})


def sines(kind: type[Siren] | type[Finer], rows: int) -> Iterator[Comparison]:
    ours = kind(2, 3, width=256, hidden=3)
    layers = [(weight, bias) for weight, bias in map(ours.layer, range(4)) if bias is not None]
    peer = Sines(layers, (30.0, 30.0), grows=kind is Finer)
    compiled = torch.compile(peer, dynamic=False)
    x, upstream = torch.rand(rows, 2, requires_grad=True), torch.randn(rows, 3)
    name = f"{kind.__name__} 2-256x3-3"
    yield Comparison(
        f"{name}, forward", forward(ours, x), {"torch.compile": forward(compiled, x)}, rows
    )
    run = forward_backward(ours, (x,), (x, ours.weights), upstream)
    leaves = (x, *peer.parameters())
    peers = {"torch.compile": forward_backward(compiled, (x,), leaves, upstream)}
    yield Comparison(f"{name}, forward+backward", run, peers, rows)


def waves(shrink: int) -> Iterator[Comparison]:
    """All comparisons of this group, batches divided by `shrink`."""
    rows = (1 << 15) // shrink
    yield from wide_mlp(rows)
    yield from fourier((1 << 17) // shrink)
    yield from sines(Siren, rows)
    yield from sines(Finer, rows)
