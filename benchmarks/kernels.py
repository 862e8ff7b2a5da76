"""Each native kernel beside its fastest peer: `python -m benchmarks.kernels`."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import torch
import tyro
from torch import Tensor

from benchmarks.comparison import Comparison, compare, forward, forward_backward, jax_run
from benchmarks.peers.adam_torch import make_adam
from benchmarks.peers.composite_torch import composite as composite_torch
from benchmarks.peers.hash_grid_torch import HashGrid as HashGridTorch
from benchmarks.peers.hash_grid_torch import make_levels
from benchmarks.peers.mlp_torch import make_mlp
from benchmarks.peers.spherical_harmonics_torch import spherical_harmonics
from nfield.encodings.hash_grid import HashGrid
from nfield.encodings.spherical_harmonics import SphericalHarmonics
from nfield.networks.mlp import MLP
from nfield.ops.adam import adam_
from nfield.ops.composite import composite

HAS_JAX = importlib.util.find_spec("jax") is not None


def hash_grid(
    log2_table: int, points: int, bars: Sequence[dict[str, float]]
) -> Iterator[Comparison]:
    levels = make_levels(16, log2_table, 16, 2048)
    ours = HashGrid(levels=16, log2_table=log2_table, base_resolution=16, finest_resolution=2048)
    table = torch.rand(ours.table.shape) * 2 - 1
    with torch.no_grad():
        ours.table.copy_(table)
    x, upstream = torch.rand(points, 3), torch.randn(points, 32)
    peer = HashGridTorch(levels, table)
    compiled = torch.compile(peer, dynamic=False)
    forwards = {"torch.compile": forward(compiled, x)}
    backwards = {"torch.compile": forward_backward(compiled, (x,), (peer.table,), upstream)}
    if HAS_JAX:
        from benchmarks.peers import hash_grid_jax

        forwards["JAX"] = jax_run(hash_grid_jax.make_encode(levels), table, x)
        backwards["JAX"] = jax_run(hash_grid_jax.make_gradient(levels), table, x, upstream)
    name = f"hash grid T=2^{log2_table}"
    yield Comparison(f"{name}, forward", forward(ours, x), forwards, points, bars[0])
    both = forward_backward(ours, (x,), (ours.table,), upstream)
    yield Comparison(f"{name}, forward+backward", both, backwards, points, bars[1])


def mlp(rows: int) -> Iterator[Comparison]:
    widths = [32, 64, 64, 16]
    ours = MLP(widths[0], widths[-1], width=64, hidden=2)
    x, upstream = torch.randn(rows, widths[0], requires_grad=True), torch.randn(rows, widths[-1])
    peer = make_mlp(ours.weights, widths)
    forwards, backwards = {}, {}
    for name, module in (
        ("torch.compile", torch.compile(peer, dynamic=False)),
        ("torch eager", peer),
    ):
        forwards[name] = forward(module, x)
        backwards[name] = forward_backward(module, (x,), (x, *peer.parameters()), upstream)
    if HAS_JAX:
        from benchmarks.peers import mlp_jax

        matrices = [parameter.detach() for parameter in peer.parameters()]
        forwards["JAX"] = jax_run(mlp_jax.apply, matrices, x)
        backwards["JAX"] = jax_run(mlp_jax.gradient, matrices, x, upstream)
    flops = 2.0 * rows * sum(a * b for a, b in itertools.pairwise(widths))
    name = "MLP 32-64-64-16"
    run = forward(ours, x)
    yield Comparison(f"{name}, forward", run, forwards, rows, {"": 3.0}, flops, 0.8)
    run = forward_backward(ours, (x,), (x, ours.weights), upstream)
    yield Comparison(f"{name}, forward+backward", run, backwards, rows, {"": 2.8}, 3 * flops)


def harmonics(points: int) -> Iterator[Comparison]:
    direction = torch.nn.functional.normalize(torch.randn(points, 3), dim=1)
    peers = {
        "torch.compile": forward(torch.compile(spherical_harmonics, dynamic=False), direction),
        "torch eager": forward(spherical_harmonics, direction),
    }
    ours = forward(SphericalHarmonics(degree=4), direction)
    yield Comparison("spherical harmonics, 16 values", ours, peers, points)


def compositing(rays: int) -> Iterator[Comparison]:
    count = torch.tensor([8, 24]).repeat(rays // 2)
    offset = torch.cat([torch.zeros(1, dtype=torch.int64), count.cumsum(0)])
    ray = torch.repeat_interleave(torch.arange(rays), count)
    samples = len(ray)
    sigma = (torch.rand(samples) * 10).requires_grad_()
    rgb = torch.rand(samples, 3, requires_grad=True)
    dt = torch.full((samples,), 0.02)
    t = 2 + 0.02 * (torch.arange(samples) - offset[ray])
    upstream = (torch.randn(rays, 3), torch.randn(rays), torch.randn(rays))
    forwards, backwards = {}, {}
    compiled = torch.compile(composite_torch, dynamic=False)
    inputs = (sigma, rgb, t, dt, ray, offset)
    for name, function in (("torch.compile", compiled), ("torch eager", composite_torch)):
        forwards[name] = forward(function, *inputs)
        backwards[name] = forward_backward(function, inputs, (sigma, rgb), *upstream)
    ours = (sigma, rgb, t, dt, offset)
    run = forward(composite, *ours)
    yield Comparison("compositing, forward", run, forwards, samples, {"": 8.0})
    run = forward_backward(composite, ours, (sigma, rgb), *upstream)
    yield Comparison("compositing, forward+backward", run, backwards, samples, {"": 5.0})


def adam(parameters: int) -> Iterator[Comparison]:
    settings: dict[str, Any] = {"lr": 1e-2, "betas": (0.9, 0.99), "eps": 1e-15}
    gradient = torch.randn(parameters)
    value, first, second = (torch.zeros(parameters) for _ in range(3))
    steps = itertools.count(1)

    def ours() -> tuple[Tensor]:
        adam_(value, gradient, first, second, step=next(steps), **settings)
        return (value,)

    parameter = torch.zeros(parameters, requires_grad=True)
    optimizer = make_adam(parameter, gradient, **settings)

    def peer() -> tuple[Tensor]:
        optimizer.step()
        return (parameter.detach(),)

    yield Comparison("Adam", ours, {"torch fused": peer}, parameters)


def comparisons(shrink: int) -> Iterator[Comparison]:
    points = (1 << 18) // shrink
    large = ({"JAX": 2.0, "torch": 6.0}, {"JAX": 7.0, "torch": 15.0})
    yield from hash_grid(19, points, large)
    yield from hash_grid(15, points, ({"": 5.0}, {"": 10.0}))
    yield from mlp(points)
    yield from harmonics(points)
    yield from compositing((1 << 14) // shrink)
    yield from adam(12_000_000 // shrink)


def main(seconds: float = 4.0, shrink: int = 1, only: str = "") -> None:
    """Time every kernel beside its peers.

    Args:
        seconds: time spent per comparison, at least five turns each.
        shrink: divide all batch sizes by this: a quick check, not a measurement, and not recorded.
        only: the kernels whose name contains this; not recorded either.
    """
    if not HAS_JAX:
        print("JAX peers are skipped: jax is not installed (pip install jax)")
    compare("kernels", comparisons(shrink), seconds=seconds, only=only, write=shrink == 1)


if __name__ == "__main__":
    tyro.cli(main)
