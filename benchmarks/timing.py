"""Interleaved timing, and the record of where it was measured."""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
# Where real scenes are, as for the tests.
DATA = Path(os.environ.get("NFIELD_DATA", Path(__file__).parents[2] / "shared" / "data"))
CHAIR = DATA / "nerf_synthetic" / "chair"
FOX = DATA / "fox"
TURN_SECONDS = 0.03  # long enough for the previous turn's spinning worker threads to go to sleep
MIN_TURNS = 5


def interleave(
    runs: Mapping[str, Callable[[], object]], *, seconds: float = 8.0, warmup: int = 2
) -> dict[str, float]:
    """Median seconds of each callable, measured in turns: a, b, c, a, b, c, ...

    A turn calls once without the clock, for the caches hold the previous turn's data, and then for
    `TURN_SECONDS`. Turns go on until `seconds` are spent, and for at least `MIN_TURNS` rounds.
    """
    for run in runs.values():
        for _ in range(warmup):
            run()
    samples: dict[str, list[float]] = {name: [] for name in runs}
    start, turns = time.perf_counter(), 0
    while turns < MIN_TURNS or time.perf_counter() - start < seconds:
        for name, run in runs.items():
            samples[name] += _turn(run)
        turns += 1
    return {name: statistics.median(values) for name, values in samples.items()}


def _turn(run: Callable[[], object]) -> list[float]:
    run()
    samples: list[float] = []
    while sum(samples) < TURN_SECONDS:
        start = time.perf_counter()
        run()
        samples.append(time.perf_counter() - start)
    return samples


def machine() -> dict[str, object]:
    """CPU, cores, instruction set and versions: what a timing means nothing without."""
    import torch

    from nfield.ops import native

    packages = ("nfield-engine", "torch", "jax", "numpy")
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "torch_threads": torch.get_num_threads(),
        "instruction_set": native.isa(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in packages},
    }


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def write_result(name: str, record: Mapping[str, object]) -> Path:
    """Write `results/NAME.json`: the record and the machine it was measured on."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    partial = path.with_suffix(".tmp")
    partial.write_text(json.dumps({"machine": machine(), **record}, indent=1) + "\n")
    os.replace(partial, path)
    return path


def markdown(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A markdown table; floats with three significant digits."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def table(records: Sequence[Mapping[str, object]]) -> str:
    """A markdown table of records with the same keys; floats with four significant digits."""
    rows = [[f"{v:.4g}" if isinstance(v, float) else v for v in r.values()] for r in records]
    return markdown(list(records[0]), rows)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return str(value)


def judge(
    bar: str, value: float, *, least: float | None = None, most: float | None = None
) -> dict[str, Any]:
    """A bar beside what was measured: {"bar", "measured", "met"}; infinity is recorded as None."""
    met = (least is None or value >= least) and (most is None or value <= most)
    limit = f">= {least:g}" if least is not None else f"<= {most:g}"
    return {
        "bar": f"{bar} {limit}",
        "measured": value if math.isfinite(value) else None,
        "met": met,
    }


def print_bars(bars: Sequence[Mapping[str, object]]) -> None:
    rows = [(b["bar"], b["measured"], "met" if b["met"] else "missed") for b in bars]
    print("\n" + markdown(("bar", "measured", ""), rows))
