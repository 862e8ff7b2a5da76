"""One kernel beside its peers: the same arrays, timed in turns, judged by bars."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.timing import interleave, judge, markdown, print_bars, write_result
from nfield.ops import native

Run = Callable[[], tuple[Any, ...]]
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


def largest_difference(ours: Sequence[Any], peer: Sequence[Any]) -> tuple[float, float]:
    """Largest absolute difference, and the largest relative to its array, by their norms.

    The peer may hold our last array in parts.
    """
    head = len(ours) - 1
    parts = [np.asarray(array) for array in peer]
    joined = [*parts[:head], np.concatenate([part.ravel() for part in parts[head:]])]
    absolute, relative = 0.0, 0.0
    for a, b in zip((np.asarray(array) for array in ours), joined, strict=True):
        difference = float(np.abs(a.ravel() - b.ravel()).max())
        absolute = max(absolute, difference)
        # By norms: rounding moves single rows across the kink of a ReLU.
        error = float(np.linalg.norm(a.ravel().astype(np.float64) - b.ravel()))
        relative = max(relative, error / max(float(np.linalg.norm(b)), 1e-30))
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


def compare(
    name: str, cases: Iterable[Comparison], *, seconds: float, only: str, write: bool
) -> None:
    """Time the cases whose name contains `only`, print their table and bars.

    Args:
        name: of the result that is written if `write` is set and `only` is empty.
        seconds: time spent per comparison, at least five turns each.
    """
    torch.manual_seed(0)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    peak = native.fma_peak()
    print(f"measured FMA peak: {peak:.0f} GFLOP/s")
    records = []
    for case in cases:
        if only in case.kernel:
            records.append(measure(case, seconds, peak))
            print(f"{case.kernel}: {records[-1]['ratio']:.2f}x", flush=True)
    columns = ("kernel", "ours_ms", "best_peer", "ratio", "million_per_second", "gflops")
    header = (*columns, "max_difference", "peers_ms")
    rows = [
        [record[key] for key in (*columns, "max_difference")]
        + [", ".join(f"{peer} {ms:.3g}" for peer, ms in record["peers_ms"].items())]
        for record in records
    ]
    print("\n" + markdown(header, rows))
    bars = [bar for record in records for bar in record["bars"]]
    print_bars(bars)
    if write and not only:
        result = {"seconds": seconds, "fma_peak_gflops": peak, "kernels": records}
        print(f"\nwritten to {write_result(name, result)}")
