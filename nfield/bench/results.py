"""What a sweep found: one row a job, and what is missing; read, written, and summed up."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from nfield.bench.job import Job, record_of
from nfield.bench.plan import Problem
from nfield.bench.suite import METRICS, Published, Suite
from nfield.config import BUDGET
from nfield.errors import InputError
from nfield.files import replacing

FILE = "results.json"
SCHEMA = 1
_NAMES = {(1.0, 1.0, 1.0): "white", (0.0, 0.0, 0.0): "black"}


@dataclass(frozen=True)
class Row:
    """One job that is done.

    Args:
        run: Its folder, relative to the sweep's.
        metrics: Mean over views, by name; None where it was not measured.
        views, every: How many views were judged, and their stride; None of shapes.
        shown: Name and scores of the view whose pictures are kept.
    """

    scene: str
    method: str
    seed: int
    run: str
    field: str
    budget: str
    protocol: str
    resolution: str | None
    background: str | None
    views: int | None
    every: int | None
    metrics: Mapping[str, float | None]
    parameters: int
    bytes: int
    step: int
    train_seconds: float
    seconds_per_view: float | None
    machine: str
    shown: Mapping[str, Any] | None
    split: str | None = None
    lpips_weights: str | None = None


@dataclass(frozen=True)
class Results:
    """A sweep: what it was about, its rows, and the jobs that are not done."""

    name: str
    title: str
    about: str
    scenes: tuple[str, ...]
    published: tuple[Published, ...]
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]

    @property
    def methods(self) -> list[str]:
        """Those that have rows."""
        return list(dict.fromkeys(row.method for row in self.rows))

    def shown_scenes(self) -> list[str]:
        """Those that have rows, in the suite's order."""
        done = {row.scene for row in self.rows}
        return [scene for scene in self.scenes if scene in done]

    def metrics(self) -> list[str]:
        """Those that at least one row has."""
        return [
            name for name in METRICS if any(row.metrics.get(name) is not None for row in self.rows)
        ]

    def of(self, scene: str, method: str) -> list[Row]:
        """The rows of all seeds."""
        return self._cells.get((scene, method), [])

    @cached_property
    def _cells(self) -> dict[tuple[str, str], list[Row]]:
        found: dict[tuple[str, str], list[Row]] = {}
        for row in self.rows:
            found.setdefault((row.scene, row.method), []).append(row)
        return found


@dataclass(frozen=True)
class Spread:
    """Mean, and standard deviation over seeds (n - 1), which one value does not have."""

    mean: float
    deviation: float | None
    count: int


def spread(values: Iterable[float | None]) -> Spread | None:
    """Sum up what was measured; None where nothing was."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    deviation = statistics.stdev(known) if len(known) > 1 else None
    return Spread(math.fsum(known) / len(known), deviation, len(known))


def over_scenes(results: Results, method: str, metric: str) -> Spread | None:
    """The mean over all scenes for each seed, and its spread; None where one is missing."""
    by_seed: dict[int, list[float]] = {}
    for row in results.rows:
        value = row.metrics.get(metric)
        if row.method == method and value is not None:
            by_seed.setdefault(row.seed, []).append(value)
    count = len(results.shown_scenes())
    return spread(statistics.fmean(v) for v in by_seed.values() if len(v) == count)


def collect(suite: Suite, jobs: Iterable[Job], problems: Iterable[Problem], out: Path) -> Results:
    """Read the run folders of all jobs that are done."""
    records = ((job, record_of(job, out)) for job in jobs)
    rows = tuple(_row(job, record) for job, record in records if record is not None)
    return Results(
        suite.name,
        suite.title,
        suite.about,
        tuple(suite.scenes),
        suite.published,
        rows,
        tuple(problems),
    )


def _row(job: Job, record: Mapping[str, Any]) -> Row:
    found = record["metrics"]
    background = found.get("background")
    views = found.get("views")
    return Row(
        scene=job.scene,
        method=job.method,
        seed=job.seed,
        run=f"runs/{job.name}",
        field=found["field"],
        budget=_budget(job),
        protocol=found["protocol"],
        resolution=found.get("resolution"),
        background=None if background is None else _NAMES.get(tuple(background), str(background)),
        views=None if views is None else len(views),
        every=found.get("every"),
        metrics={name: found["mean"][name] for name in METRICS if name in found["mean"]},
        parameters=found["parameters"],
        bytes=found["bytes"],
        step=found["step"],
        train_seconds=found["train_seconds"],
        seconds_per_view=found.get("seconds_per_view_median"),
        machine=record["machine"],
        shown=record["shown"],
        split=found.get("split"),
        lpips_weights=found.get("lpips_weights"),
    )


def _budget(job: Job) -> str:
    for key, unit in zip(BUDGET, ("steps", "s"), strict=True):
        if key in job.settings:
            return f"{float(job.settings[key]):g} {unit}"
    return "60 s"


def write_results(results: Results, out: Path) -> Path:
    """Write OUT/results.json.

    Raises:
        InputError: the place cannot be written to.
    """
    with replacing(out / FILE) as temporary:
        text = json.dumps({"schema": SCHEMA, **asdict(results)}, indent=1)
        temporary.write_text(text + "\n", encoding="utf-8")
    return out / FILE


def read_results(place: str | Path) -> Results:
    """Read the results in a sweep's folder, or a file of them.

    Raises:
        InputError: there are none, or they are damaged or of a future schema.
    """
    path = Path(place)
    path = path / FILE if path.is_dir() else path
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values.pop("schema") > SCHEMA:
            raise InputError(f"{path}: schema must be <= {SCHEMA}, got a later one; update nfield")
        for key, kind in (("published", Published), ("rows", Row), ("problems", Problem)):
            values[key] = tuple(_read(kind, entry) for entry in values[key])
        return Results(**values | {"scenes": tuple(values["scenes"])})
    except FileNotFoundError:
        raise InputError(
            f"{path}: results must exist, got none; name a folder that `nfield bench` wrote"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: results must be what `nfield bench` wrote, got a damaged file "
            f"({type(error).__name__}: {error}); run it again"
        ) from None


def _read(kind: Any, entry: Mapping[str, Any]) -> Any:
    """A dataclass from its dictionary; JSON's lists become tuples."""
    names = {f.name for f in fields(kind)}
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items() if k in names}
    return kind(**values)


def machines(rows: Sequence[Row]) -> list[str]:
    """Where the rows were measured."""
    return list(dict.fromkeys(row.machine for row in rows))
