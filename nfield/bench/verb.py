"""What `nfield bench` does and shows."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as Grid

from nfield.arguments import Bench
from nfield.bench.cluster import Cluster
from nfield.bench.compare import Comparison, compare
from nfield.bench.local import Local
from nfield.bench.outcome import Outcome, Pool
from nfield.bench.plan import Choice, Plan, make_plan
from nfield.bench.results import Results
from nfield.bench.suite import read_suite, suites
from nfield.bench.sweep import default_out, run_plan
from nfield.bench.tables import means
from nfield.display import counter
from nfield.errors import InputError

COMPARE = "compare"
INCOMPLETE, WORSE, STOPPED = 1, 1, 130
Shown = tuple[int, Any, Callable[[Console], None]]  # exit code, JSON values, what people read


def bench(args: Bench, err: Console) -> Shown:
    """Run a suite, compare two sweeps, or list the suites."""
    if not args.what:
        found = {name: read_suite(name).title for name in suites()}
        return 0, found, lambda console: _pairs(console, found)
    if args.what[0] == COMPARE:
        return _compare(args)
    if len(args.what) > 1:
        raise InputError(
            f"SUITE: must be one suite, or compare A B, got {' '.join(args.what)}; "
            "run the others on their own"
        )
    return _sweep(args, err)


def _sweep(args: Bench, err: Console) -> Shown:
    choice = Choice(
        methods=_names(args.methods),
        scenes=_names(args.scenes),
        seeds=args.seeds,
        max_steps=args.steps,
        max_seconds=args.seconds,
        every=args.every,
        lpips_weights=args.lpips_weights,
        set=args.set,
        data=args.data,
    )
    if args.steps is not None and args.seconds is not None:
        raise InputError("--seconds: budget must be --steps or --seconds, got both; remove one")
    plan, pool = make_plan(read_suite(args.what[0]), choice), _pool(args)
    out = Path(args.out or default_out(plan))
    _announce(plan, out, err)
    try:
        with counter(err, "jobs") as bar:
            task = bar.add_task("", total=len(plan.jobs))

            def watch(outcome: Outcome, done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)
                _told(err, outcome, done, total)

            results = run_plan(plan, out, pool, watch)
    except KeyboardInterrupt:
        err.print(f"Stopped; what was under way is saved in {out}. The same command goes on.")
        return STOPPED, {"out": str(out)}, lambda console: None
    code = INCOMPLETE if results.problems else 0
    return (
        code,
        {"out": str(out), **asdict(results)},
        lambda console: _closing(console, results, out),
    )


def _pool(args: Bench) -> Pool:
    if args.cluster is None:
        for name in ("cpus", "gpus"):
            if getattr(args, name) is not None:
                raise InputError(f"--{name}: only --cluster grants them, got one here; remove it")
        return Local(1 if args.workers is None else args.workers)
    if args.workers is not None:
        raise InputError("--workers: of a cluster its resources decide, got both; remove one")
    cpus, gpus = 1.0 if args.cpus is None else args.cpus, args.gpus or 0.0
    for name, value, least in (("cpus", cpus, 0.001), ("gpus", gpus, 0.0)):
        if not least <= value < math.inf:
            raise InputError(f"--{name}: number must be from {least:g}, got {value}; correct it")
    return Cluster(args.cluster, cpus, gpus)


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


def _announce(plan: Plan, out: Path, err: Console) -> None:
    for problem in plan.problems:
        where = " ".join(filter(None, (problem.scene, problem.method)))
        err.print(f"Left out: {where}: {problem.text}")
    if plan.suite.layout and any(not problem.method for problem in plan.problems):
        err.print(f"Expected there:\n{plan.suite.layout}")
    err.print(f"{len(plan.jobs)} jobs of {plan.suite.name}; folder {out}")


def _told(err: Console, outcome: Outcome, done: int, total: int) -> None:
    state = "done" if outcome.error is None else f"failed: {outcome.error}"
    err.print(f"{done}/{total} {outcome.job.name}: {state}")


def _closing(console: Console, results: Results, out: Path) -> None:
    grid = Grid(title=results.title, title_justify="left", box=None)
    for column in ("method", *results.metrics(), "jobs"):
        grid.add_column(column, justify="left" if column == "method" else "right")
    for row in means(results):
        grid.add_row(*row)
    if results.rows:
        console.print(grid)
    if results.problems:
        console.print(f"{len(results.problems)} missing, see the report")
    console.print(str(out / "report.html"))


def _compare(args: Bench) -> Shown:
    if len(args.what) != 3:
        raise InputError(
            f"compare: two sweeps must be named, got {shlex.join(args.what[1:]) or 'none'}; "
            "write nfield bench compare A B"
        )
    found = compare(args.what[1], args.what[2])
    code = WORSE if found.is_worse else 0
    return code, asdict(found), lambda console: _difference(console, found)


def _difference(console: Console, found: Comparison) -> None:
    grid = Grid(box=None)
    for column in ("scene", "method", "metric", "A", "B", "change", "noise", ""):
        grid.add_column(column, justify="left" if column in ("scene", "method", "") else "right")
    for one in found.changes:
        noise = "unknown" if one.noise is None else f"{one.noise:.3g}"
        values = f"{one.a:.5g}", f"{one.b:.5g}", f"{one.difference:+.3g}", noise
        grid.add_row(one.scene, one.method, one.metric, *values, one.verdict)
    console.print(grid)
    for title, texts in (("only in A", found.only_a), ("only in B", found.only_b)):
        if texts:
            console.print(f"{title}: {', '.join(texts)}")
    for note in found.notes:
        console.print(note)


def _pairs(console: Console, values: dict[str, str]) -> None:
    grid = Grid(show_header=False, box=None)
    for name, title in values.items():
        grid.add_row(name, title)
    console.print(grid)
