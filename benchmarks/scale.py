"""A sweep of simulated jobs through Ray on this machine: `python -m benchmarks.scale`.

Everything is what `nfield bench --cluster local` does, but that a job trains nothing: it writes the
files of a run of its size. So what is measured is the runner: planning, submitting, waiting,
finding what is done, reading results and writing the report.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import tyro

from benchmarks.timing import judge, print_bars, table, write_result
from nfield.bench.cluster import Cluster
from nfield.bench.job import Job, is_done
from nfield.bench.outcome import Outcome
from nfield.bench.plan import Choice, make_plan
from nfield.bench.results import collect, write_results
from nfield.bench.suite import Suite

VIEWS, RECORDS = 200, 120  # of a test split, and of a minute's log
ALONE = 100  # jobs that are simulated without a runner, to tell them from it
MOST_SECONDS = 0.05  # of the runner for a job


class Lap(NamedTuple):
    """Seconds on the clock, and those that this process kept a core busy."""

    wall: float
    cpu: float


def simulated(job: Job, out: Path) -> None:
    """Leave behind what a job leaves, without its checkpoint and pictures."""
    folder = job.folder(out)
    (folder / "eval").mkdir(parents=True, exist_ok=True)
    records = [{"step": i, "seconds": i / 2, "loss": 1e-3, "psnr": 30.0} for i in range(RECORDS)]
    (folder / "log.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    digest = hashlib.sha256(job.name.encode()).hexdigest()
    scores = {"psnr": 30.0 + job.seed / 100, "ssim": 0.95, "lpips": None}
    seen = {"seconds": 0.5, "truth_sha256": digest, "prediction_sha256": digest}
    metrics = {
        "protocol": "nfield-nvs-1",
        "split": "test",
        "every": 1,
        "resolution": "800x800",
        "background": [1.0, 1.0, 1.0],
        "mean": scores,
        "seconds_per_view_median": 0.5,
        "views": [{"name": f"r_{i}", **scores, **seen} for i in range(VIEWS)],
        "field": job.settings["field"],
        "parameters": 3_303_008,
        "bytes": 13_212_032,
        "step": 10_000,
        "train_seconds": 600.0,
    }
    text = json.dumps(metrics, indent=1).encode()
    (folder / "eval" / "metrics.json").write_bytes(text)
    record = {
        "job": asdict(job),
        "metrics_sha256": hashlib.sha256(text).hexdigest(),
        "machine": "simulated",
        "shown": None,
    }
    (folder / "eval" / "job.json").write_text(json.dumps(record, indent=1))


def suite_of(jobs: int) -> Suite:
    """Scenes, ten methods and ten seeds that make about so many jobs."""
    scenes = {f"scene-{i:03d}": {"data": "builtin:matte"} for i in range(max(1, jobs // 100))}
    methods = {f"method-{i}": {"field": "ngp"} for i in range(10)}
    return Suite(
        *("simulated", "Simulated sweep", "Nothing is trained.", "", "", 10),
        *({"max_seconds": 600.0}, {}, methods, scenes, ()),
    )


def stages(suite: Suite, out: Path, cpus: float) -> Iterator[tuple[str, int, Lap]]:
    """What a sweep does: name, number of jobs, and how long all of them took."""
    start = time.perf_counter(), time.process_time()

    def lap() -> Lap:
        nonlocal start
        now = time.perf_counter(), time.process_time()
        passed, start = Lap(now[0] - start[0], now[1] - start[1]), now
        return passed

    plan = make_plan(suite, Choice())
    count = len(plan.jobs)
    yield "plan", count, lap()
    few = plan.jobs[:: max(1, count // ALONE)]
    for job in few:
        simulated(job, out / "alone")
    yield "the simulated jobs alone, one after the other", len(few), lap()
    left = tuple(job for job in plan.jobs if not is_done(job, out))
    yield "see that none is done", count, lap()
    pool = Cluster(cpus=cpus, do=simulated)(left, out)
    first: list[Outcome] = [next(pool)]
    yield "start Ray, its workers and the first job", 1, lap()
    first += list(pool)
    failed = [outcome.error for outcome in first if outcome.error]
    if failed:
        raise SystemExit(f"{len(failed)} jobs failed: {failed[0]}")
    yield "submit and wait for the others", count - 1, lap()
    done = sum(is_done(job, out) for job in plan.jobs)
    yield "see that all are done", done, lap()
    results = collect(suite, plan.jobs, (), out)
    write_results(results, out)
    yield "read all results, write results.json", len(results.rows), lap()
    from nfield.bench.report import write_report

    write_report(results, out)
    yield "write the report", len(results.rows), lap()


def main(jobs: int = 1000, cpus: float = 1.0) -> None:
    """Run a simulated sweep, and print what each part of it takes for a job.

    Args:
        jobs: about how many: a multiple of 100.
        cpus: that a job asks Ray for.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        suite = suite_of(jobs)
        records: list[dict[str, Any]] = []
        for name, count, lap in stages(suite, out, cpus):
            record = {"part": name, "jobs": count, "s": lap.wall, "cpu_s": lap.cpu}
            each = {"ms_a_job": lap.wall / count * 1e3, "cpu_ms_a_job": lap.cpu / count * 1e3}
            records.append(record | each)
            print(f"{name}: {lap.wall:.2f} s", file=sys.stderr)
        files = [path for path in (out / "runs").rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        sizes = {path.name: path.stat().st_size for path in out.glob("re*")}
    print(table(records))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    total = records[0]["jobs"]
    print(f"\n{len(files) / total:.0f} files and {size / total / 1e3:.0f} kB a job; {sizes} bytes")
    print(f"{memory:.0f} MiB of memory at most, Ray's own processes not counted")
    runner = sum(
        record["cpu_ms_a_job"] / 1e3
        for record in records
        if not record["part"].startswith(("start", "the "))
    )
    bars = [judge("the runner's own CPU seconds for a job", runner, most=MOST_SECONDS)]
    print_bars(bars)
    result = {"records": records, "bars": bars, "bytes_a_job": size / total, "memory_mib": memory}
    print(f"\nwritten to {write_result(f'scale-{total}', result)}")


if __name__ == "__main__":
    tyro.cli(main)
