"""Grids, planes and low-rank tensors beside PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from benchmarks.comparison import Comparison, Run, forward, forward_backward
from benchmarks.peers import lowrank_torch
from benchmarks.peers.grids_torch import (
    GridSampled,
    GridSummed,
    PlanesSampled,
    PlanesSummed,
    bag,
    gather,
    planar,
)
from nfield.encodings.triplane import TriPlane
from nfield.encodings.voxel import Voxel
from nfield.ops.lowrank import cp, vm

Bars = tuple[float, float]  # of forward, of forward+backward


def tables(
    name: str, ours: nn.Module, in_dim: int, peers: Mapping[str, nn.Module], bars: Bars, points: int
) -> Iterator[Comparison]:
    """Modules with one parameter each; gradients are the parameter's."""
    x = torch.rand(points, in_dim)
    upstream = torch.randn(points, ours(x[:1]).shape[1])
    forwards, backwards = {}, {}
    for kind, peer in peers.items():
        (table,) = peer.parameters()
        mode, function = fastest(kind, peer)
        forwards[f"{mode} {kind}"] = forward(function, x)
        backwards[f"{mode} {kind}"] = forward_backward(function, (x,), (table,), upstream)
    (table,) = ours.parameters()
    run = forward(ours, x)
    yield Comparison(f"{name}, forward", run, forwards, points, {"": bars[0]})
    run = forward_backward(ours, (x,), (table,), upstream)
    yield Comparison(f"{name}, forward+backward", run, backwards, points, {"": bars[1]})


def fastest(kind: str, function: Callable[..., Tensor]) -> tuple[str, Callable[..., Tensor]]:
    """Compiled, but for the library's own functions, which compiling makes slower."""
    if "sample" in kind or kind == "embedding_bag":
        return "torch eager", function
    return "torch.compile", torch.compile(function, dynamic=False)


def planes(points: int) -> Iterator[Comparison]:
    ours = TriPlane(resolution=256, channels=32)
    vertices = ours.planes.detach()
    peers = {
        "grid_sample": PlanesSampled(planar(vertices)),
        "grid_sample channels last": PlanesSampled(vertices),
        "embedding_bag": PlanesSummed(vertices, bag),
        "gather": PlanesSummed(vertices, gather),
    }
    yield from tables("tri-plane 3x256^2x32", ours, 3, peers, (3.0, 6.0), points)


def grid(in_dim: int, resolution: int, channels: int, points: int) -> Iterator[Comparison]:
    ours = Voxel(in_dim, resolution=resolution, channels=channels)
    vertices = ours.vertices.detach()
    peers = {
        "grid_sample": GridSampled(planar(vertices)),
        "grid_sample channels last": GridSampled(vertices),
        "embedding_bag": GridSummed(vertices, bag),
        "gather": GridSummed(vertices, gather),
    }
    name = f"dense grid {resolution}^{in_dim}x{channels}"
    yield from tables(name, ours, in_dim, peers, (3.0, 3.0), points)


def products(
    name: str,
    ours: Callable[..., Tensor],
    peers: Sequence[Callable[..., Tensor]],
    operands: tuple[Tensor, ...],
) -> Iterator[Comparison]:
    x, *leaves = operands
    for leaf in leaves:
        leaf.requires_grad_()
    with torch.no_grad():
        upstream = torch.randn_like(ours(*operands))
    forwards: dict[str, Run] = {}
    backwards: dict[str, Run] = {}
    for peer in peers:
        mode, function = fastest(peer.__name__, peer)
        kind = f"{mode} {peer.__name__}"
        forwards[kind] = forward(function, *operands)
        backwards[kind] = forward_backward(function, operands, leaves, upstream)
    run = forward(ours, *operands)
    yield Comparison(f"{name}, forward", run, forwards, len(x), {"": 3.0})
    run = forward_backward(ours, operands, leaves, upstream)
    yield Comparison(f"{name}, forward+backward", run, backwards, len(x), {"": 3.0})


def low_rank(points: int) -> Iterator[Comparison]:
    x = torch.rand(points, 3)
    surfaces = (lowrank_torch.vm_sampled, lowrank_torch.vm_bags, lowrank_torch.vm_gathered)
    for resolution, channels in ((300, 48), (128, 16)):
        operands = (
            x,
            0.1 * torch.randn(3, resolution, resolution, channels),
            0.1 * torch.randn(3, resolution, channels),
        )
        yield from products(f"VM R={resolution} C={channels}", vm, surfaces, operands)
    lines = (lowrank_torch.cp_sampled, lowrank_torch.cp_bags, lowrank_torch.cp_gathered)
    yield from products("CP R=300 C=96", cp, lines, (x, 0.1 * torch.randn(3, 300, 96)))


def grids(shrink: int) -> Iterator[Comparison]:
    """All comparisons of this group, batches divided by `shrink`."""
    points = (1 << 18) // shrink
    yield from planes(points)
    yield from grid(3, 128, 16, points)
    yield from grid(3, 96, 13, points)
    yield from grid(2, 256, 16, points)
    yield from low_rank(points // 2)
