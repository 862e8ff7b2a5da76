"""Each native kernel beside its fastest peer: `python -m benchmarks.kernels`."""

from __future__ import annotations

import importlib.util
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import tyro
from torch import Tensor

from benchmarks.peers.adam_torch import make_adam
from benchmarks.peers.composite_torch import composite as composite_torch
from benchmarks.peers.hash_grid_torch import HashGrid as HashGridTorch
from benchmarks.peers.hash_grid_torch import make_levels
from benchmarks.peers.mlp_torch import make_mlp
from benchmarks.peers.spherical_harmonics_torch import spherical_harmonics
from benchmarks.timing import interleave, judge, markdown, print_bars, write_result
from nfield.encodings.hash_grid import HashGrid
from nfield.encodings.spherical_harmonics import SphericalHarmonics
from nfield.networks.mlp import MLP
from nfield.ops import native
from nfield.ops.adam import adam_
from nfield.ops.composite import composite

Run = Callable[[], tuple[Any, ...]]
HAS_JAX = importlib.util.find_spec("jax") is not None
# Sums of 2^18 float32 terms in different orders differ by about 1e-5 of the largest.
AGREEMENT = 1e-3


@dataclass(frozen=True)
class Comparison:
    """One kernel, ours and its peers, all of which return the same arrays.

    `bars` maps the start of a peer's name to the least ratio over the fastest such peer.
    `items` and `flops` count one call's.
    """

    kernel: str
    ours: Run
    peers: dict[str, Run]
    items: int
    bars: dict[str, float] = field(default_factory=dict)
    flops: float = 0.0
    least_peak: float = 0.0  # fraction of the measured FMA peak


def forward(function: Callable[..., Any], *inputs: Tensor) -> Run:
    def run() -> tuple[Any, ...]:
        with torch.no_grad():
            return _tuple(function(*inputs))

    return run


def forward_backward(
    function: Callable[..., Any], inputs: Sequence[Tensor], leaves: Sequence[Tensor], *up: Tensor
) -> Run:
    def run() -> tuple[Any, ...]:
        outputs = _tuple(function(*inputs))
        return (*outputs, *torch.autograd.grad(outputs, leaves, up))

    return run


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def jax_run(function: Callable[..., Any], *inputs: Any) -> Run:
    """`function` compiled by XLA; inputs are copied into JAX once."""
    import jax

    compiled = jax.jit(function)
    arrays = jax.tree.map(lambda a: jax.numpy.asarray(a.detach().numpy()), inputs)
    return lambda: _tuple(jax.block_until_ready(compiled(*arrays)))


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


def largest_difference(ours: Sequence[Any], peer: Sequence[Any]) -> tuple[float, float]:
    """Largest absolute difference, and the largest relative to its array's largest value.

    The peer may hold our last array in parts.
    """
    head = len(ours) - 1
    parts = [np.asarray(array) for array in peer]
    joined = [*parts[:head], np.concatenate([part.ravel() for part in parts[head:]])]
    absolute, relative = 0.0, 0.0
    for a, b in zip((np.asarray(array) for array in ours), joined, strict=True):
        difference = float(np.abs(a.ravel() - b.ravel()).max())
        absolute = max(absolute, difference)
        relative = max(relative, difference / max(float(np.abs(b).max()), 1e-30))
    return absolute, relative


def measure(case: Comparison, seconds: float, peak: float) -> dict[str, Any]:
    """Check that all compute the same, time them in turns, and judge the bars."""
    outputs = [value.detach() for value in case.ours()]
    differences = [largest_difference(outputs, _detached(run())) for run in case.peers.values()]
    if max(relative for _, relative in differences) > AGREEMENT:
        raise RuntimeError(f"{case.kernel}: ours and the peers differ by {differences}")
    times = interleave({"ours": case.ours, **case.peers}, seconds=seconds, warmup=1)
    ours = times.pop("ours")
    bars = []
    for start, least in case.bars.items():
        rivals = [value for name, value in times.items() if name.startswith(start)]
        if rivals:
            name = f"{case.kernel}, x {start or 'best peer'}"
            bars.append(judge(name, min(rivals) / ours, least=least))
    gflops = case.flops / ours / 1e9
    if case.least_peak:
        bars.append(judge(f"{case.kernel}, of FMA peak", gflops / peak, least=case.least_peak))
    best = min(times, key=lambda name: times[name])
    return {
        "kernel": case.kernel,
        "ours_ms": ours * 1e3,
        "peers_ms": {name: value * 1e3 for name, value in times.items()},
        "best_peer": best,
        "ratio": times[best] / ours,
        "million_per_second": case.items / ours / 1e6,
        "gflops": gflops or None,
        "max_difference": max(absolute for absolute, _ in differences),
        "bars": bars,
    }


def _detached(values: Sequence[Any]) -> list[Any]:
    return [value.detach() if isinstance(value, Tensor) else value for value in values]


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
    torch.manual_seed(0)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    if not HAS_JAX:
        print("JAX peers are skipped: jax is not installed (pip install jax)")
    peak = native.fma_peak()
    print(f"measured FMA peak: {peak:.0f} GFLOP/s")
    records = []
    for case in comparisons(shrink):
        if only in case.kernel:
            records.append(measure(case, seconds, peak))
            print(f"{case.kernel}: {records[-1]['ratio']:.2f}x", flush=True)
    columns = ("kernel", "ours_ms", "best_peer", "ratio", "million_per_second", "gflops")
    header = (*columns, "max_difference", "peers_ms")
    rows = [
        [record[key] for key in (*columns, "max_difference")]
        + [", ".join(f"{name} {ms:.3g}" for name, ms in record["peers_ms"].items())]
        for record in records
    ]
    print("\n" + markdown(header, rows))
    bars = [bar for record in records for bar in record["bars"]]
    print_bars(bars)
    if shrink == 1 and not only:
        result = {"seconds": seconds, "fma_peak_gflops": peak, "kernels": records}
        print(f"\nwritten to {write_result('kernels', result)}")


if __name__ == "__main__":
    tyro.cli(main)
