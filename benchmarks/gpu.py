"""The GPU's kernels: built, checked beside the CPU's, measured: `python -m benchmarks.gpu`.

Kernels stand beside PyTorch (and tiny-cuda-nn where it is installed), and beside what the memory
and the arithmetic of this GPU give: a copy, and a product of half-precision matrices.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import tyro
from torch import Tensor

from benchmarks.comparison import Run, forward, forward_backward
from benchmarks.peers.adam_torch import make_adam
from benchmarks.peers.hash_grid_torch import HashGrid as HashGridTorch
from benchmarks.peers.hash_grid_torch import make_levels
from benchmarks.peers.mlp_torch import make_mlp
from benchmarks.timing import CHAIR, markdown, table, write_result
from nfield.encodings.hash_grid import HashGrid
from nfield.networks.mlp import MLP
from nfield.ops.adam import adam_
from nfield.train.device import obstacle

REPOSITORY = Path(__file__).parents[1]
HAS_TCNN = importlib.util.find_spec("tinycudann") is not None
CALLS = 20  # of a median
REACHED = (33, 35)  # dB on test views


@dataclass(frozen=True)
class Case:
    """One kernel and its peers; bytes and floating-point operations are the least it needs."""

    kernel: str
    ours: Run
    peers: dict[str, Run]
    bytes: float
    flops: float = 0.0
    notes: dict[str, Any] = field(default_factory=dict)


def milliseconds(run: Callable[[], object]) -> float:
    """Median of some calls, by the GPU's clock."""
    for _ in range(3):
        run()
    times = []
    for _ in range(CALLS):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        run()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end))
    return statistics.median(times)


def ceilings() -> dict[str, float]:
    """Bytes per second of a copy, read and written; operations per second in half precision."""
    source = torch.empty(1 << 28, device="cuda")
    target = torch.empty_like(source)
    copied = milliseconds(lambda: target.copy_(source))
    side = 8192
    a, b = (torch.randn(side, side, device="cuda", dtype=torch.float16) for _ in range(2))
    multiplied = milliseconds(lambda: a @ b)
    return {
        "bytes_per_second": 2 * source.nbytes / copied * 1e3,
        "half_operations_per_second": 2 * side**3 / multiplied * 1e3,
    }


def hash_grids(points: int) -> Iterator[Case]:
    levels = make_levels(16, 19, 16, 2048)
    ours = HashGrid(levels=16, log2_table=19, base_resolution=16, finest_resolution=2048).cuda()
    x, upstream = torch.rand(points, 3, device="cuda"), torch.randn(points, 32, device="cuda")
    peer: Any = HashGridTorch(levels, ours.table.detach().clone()).cuda()
    compiled = torch.compile(peer, dynamic=False)
    forwards = {"torch.compile": forward(compiled, x)}
    backwards = {"torch.compile": forward_backward(compiled, (x,), (peer.table,), upstream)}
    if HAS_TCNN:
        theirs = tcnn_grid()
        forwards["tiny-cuda-nn"] = forward(theirs, x)
        backwards["tiny-cuda-nn"] = forward_backward(
            theirs, (x,), (theirs.params,), upstream.to(theirs.dtype)
        )
    # Points and rows of features once; of every corner a sector of 32 bytes, mostly from cache.
    rows = points * (3 + 32) * 4.0
    yield Case("hash grid, forward", forward(ours, x), forwards, rows)
    both = forward_backward(ours, (x,), (ours.table,), upstream)
    yield Case("hash grid, forward+backward", both, backwards, 2 * rows + 2 * ours.table.nbytes)

    def deterministic() -> tuple[Any, ...]:
        torch.use_deterministic_algorithms(True)
        try:
            return both()
        finally:
            torch.use_deterministic_algorithms(False)

    yield Case("hash grid, deterministic", deterministic, {"ours, by atomics": both}, 2 * rows)


def tcnn_grid() -> Any:
    import tinycudann

    growth = (2048 / 16) ** (1 / 15)
    return tinycudann.Encoding(
        3,
        {
            "otype": "HashGrid",
            "n_levels": 16,
            "n_features_per_level": 2,
            "log2_hashmap_size": 19,
            "base_resolution": 16,
            "per_level_scale": growth,
        },
    )


def perceptrons(rows: int) -> Iterator[Case]:
    for width in (32, 64, 128):
        sizes = [32, width, width, 16]
        ours = MLP(32, 16, width=width, hidden=2).cuda()
        x = torch.randn(rows, 32, device="cuda", requires_grad=True)
        upstream = torch.randn(rows, 16, device="cuda")
        peer: Any = make_mlp(ours.weights.detach().cpu(), sizes).cuda()
        compiled = torch.compile(peer, dynamic=False)
        forwards = {"torch.compile": forward(compiled, x)}
        leaves = (x, *peer.parameters())
        backwards = {"torch.compile": forward_backward(compiled, (x,), leaves, upstream)}
        if HAS_TCNN:
            theirs = tcnn_network(width)
            forwards["tiny-cuda-nn"] = forward(theirs, x)
            backwards["tiny-cuda-nn"] = forward_backward(
                theirs, (x,), (x, theirs.params), upstream.to(theirs.dtype)
            )
        flops = 2.0 * rows * sum(a * b for a, b in itertools.pairwise(sizes))
        name = f"MLP 32-{width}-{width}-16"
        moved = rows * 48 * 4.0
        yield Case(f"{name}, forward", forward(ours, x), forwards, moved, flops)
        both = forward_backward(ours, (x,), (x, ours.weights), upstream)
        yield Case(f"{name}, forward+backward", both, backwards, 3 * moved, 3 * flops)


def tcnn_network(width: int) -> Any:
    import tinycudann

    return tinycudann.Network(
        32,
        16,
        {
            "otype": "FullyFusedMLP",
            "activation": "ReLU",
            "output_activation": "None",
            "n_neurons": width,
            "n_hidden_layers": 2,
        },
    )


def adam(parameters: int) -> Iterator[Case]:
    settings: dict[str, Any] = {"lr": 1e-2, "betas": (0.9, 0.99), "eps": 1e-15}
    gradient = torch.randn(parameters, device="cuda")
    value, first, second = (torch.zeros_like(gradient) for _ in range(3))
    steps = itertools.count(1)

    def ours() -> tuple[Tensor]:
        adam_(value, gradient, first, second, step=next(steps), **settings)
        return (value,)

    parameter = torch.zeros_like(gradient, requires_grad=True)
    optimizer = make_adam(parameter, gradient, **settings)

    def peer() -> tuple[Tensor]:
        optimizer.step()
        return (parameter.detach(),)

    yield Case("Adam", ours, {"torch": peer}, 7.0 * gradient.nbytes)


def record_of(case: Case, limits: dict[str, float]) -> dict[str, Any]:
    """Times, and shares of the GPU's memory and arithmetic."""
    ours = milliseconds(case.ours)
    peers = {name: milliseconds(run) for name, run in case.peers.items()}
    return {
        "kernel": case.kernel,
        "ours_ms": ours,
        "ratio": min(peers.values()) / ours,
        "of_copy": case.bytes / ours * 1e3 / limits["bytes_per_second"],
        "of_half": case.flops / ours * 1e3 / limits["half_operations_per_second"],
        "peers_ms": peers,
    }


def checked() -> dict[str, Any]:
    """The tests of parity, which must not skip, also under compute-sanitizer where it is found."""
    found = {"parity": tested()}
    if shutil.which("compute-sanitizer"):
        found["compute-sanitizer"] = tested("compute-sanitizer", "--error-exitcode", "1")
    return found


def tested(*wrapper: str) -> dict[str, Any]:
    environment = {**os.environ, "NFIELD_REQUIRE_CUDA": "1"}
    command = [*wrapper, sys.executable, "-m", "pytest", "-q", "tests/cuda"]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    print(done.stdout[-2000:])
    return {"passed": done.returncode == 0, "summary": done.stdout.strip().splitlines()[-1:]}


def fits(data: str, seconds: float) -> Iterator[dict[str, Any]]:
    """Fits of the presets that have bars, and of `ngp` with recorded launches and by the peer."""
    yield fitted(data, "ngp", seconds)
    yield fitted(data, "rbf", seconds)
    yield fitted(data, "ngp", seconds / 2, "train.graphs=true")
    if HAS_TCNN:
        yield fitted(data, "ngp", seconds / 2, "backend=tcnn")


def fitted(data: str, field: str, seconds: float, *settings: str) -> dict[str, Any]:
    """Quality and steps in some seconds of fitting, seconds to qualities, pictures per second."""
    from nfield.api import fit

    with tempfile.TemporaryDirectory() as folder:
        run = fit(
            data,
            field=field,
            device="cuda",
            max_seconds=seconds,
            out=f"{folder}/run",
            set=list(settings),
        )
        cameras = run.views("test").cameras
        picture = milliseconds(lambda: run.model.render(cameras, 0))
        judged = run.evaluate(every=20)
        seen = [r for r in run.folder.records() if "test_psnr" in r]
    return {
        "data": data,
        "field": field,
        "settings": " ".join(settings),
        "seconds": seconds,
        "steps": judged["step"],
        "psnr": judged["mean"]["psnr"],
        "size": cameras.size[0].tolist(),
        "pictures_per_second": 1e3 / picture,
    } | {
        f"seconds_to_{bar}_dB": next((r["seconds"] for r in seen if r["test_psnr"] >= bar), None)
        for bar in REACHED
    }


def built() -> str:
    """Build the kernels for this GPU where they are missing; returns what hinders the GPU."""
    found = obstacle()
    if "no GPU kernels" not in found or shutil.which("nvcc") is None:
        return found
    print("building the kernels for this GPU")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "-e", str(REPOSITORY)]
    subprocess.run(command, env={**os.environ, "NFIELD_CUDA_ARCH": "native"}, check=True)
    # The native module is loaded already: a new process sees the new one.
    os.execv(sys.executable, [sys.executable, "-m", "benchmarks.gpu", *sys.argv[1:]])


def main(points: int = 1 << 20, fit_seconds: float = 60.0, data: str = "") -> None:
    """Build, check and measure on this machine's GPU, in less than ten minutes.

    Args:
        points: rows that a kernel is given.
        fit_seconds: of the longest fits; 0 leaves all out.
        data: what is fitted; the chair of NeRF-Synthetic where it is at hand, or a built-in scene.
    """
    if found := built():
        print(f"benchmarks.gpu: a GPU must be at hand, got none: {found}", file=sys.stderr)
        raise SystemExit(2)
    print(torch.cuda.get_device_name())
    checks, limits = checked(), ceilings()
    records = []
    for case in itertools.chain(hash_grids(points), perceptrons(points), adam(12_000_000)):
        records.append(record_of(case, limits))
        print(f"{case.kernel}: {records[-1]['ratio']:.2f}x", flush=True)
    columns = ("kernel", "ours_ms", "ratio", "of_copy", "of_half")
    print(markdown(columns, [[record[name] for name in columns] for record in records]))
    result: dict[str, Any] = {
        "gpu": torch.cuda.get_device_name(),
        "checks": checks,
        "ceilings": limits,
    }
    if fit_seconds:
        chosen = data or (str(CHAIR) if CHAIR.exists() else "builtin:matte")
        result["fits"] = list(fits(chosen, fit_seconds))
        print(table(result["fits"]))
    print(f"written to {write_result('gpu', {**result, 'kernels': records})}")


if __name__ == "__main__":
    tyro.cli(main)
