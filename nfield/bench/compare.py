"""Two sweeps side by side: what changed, and whether that is more than seeds differ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist, fmean

from nfield.bench.results import Results, Row, read_results, spread
from nfield.bench.suite import METRICS
from nfield.errors import InputError

CONFIDENCE = 0.99  # of one comparison; a table has many
HIGHER_IS_BETTER = {"psnr": True, "ssim": True, "lpips": False, "iou": True}
HIGHER_IS_BETTER |= {"chamfer": False, "normal_error": False}
_ALIKE = ("protocol", "split", "resolution", "background", "views", "every")


@dataclass(frozen=True)
class Change:
    """A metric of one method on one scene in both sweeps, means over seeds.

    Args:
        noise: The greatest difference that seeds alone make likely; None where one seed says
            nothing of that.
        verdict: `same`, `within noise`, `better`, `worse`, or `changed` where the noise is unknown.
    """

    scene: str
    method: str
    metric: str
    a: float
    b: float
    noise: float | None
    verdict: str

    @property
    def difference(self) -> float:
        return self.b - self.a


@dataclass(frozen=True)
class Comparison:
    """What two sweeps have in common, what only one has, and what differs in how they were made."""

    changes: tuple[Change, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def is_worse(self) -> bool:
        """Whether anything is worse beyond the noise, or missing from the second."""
        return bool(self.only_a) or any(change.verdict == "worse" for change in self.changes)


def compare(a: str | Path, b: str | Path) -> Comparison:
    """Compare two sweeps, each a folder or its results.json.

    The noise of a metric is taken from all scenes of a method in both sweeps: with the pooled
    variance s^2 over seeds, d degrees of freedom, and n and m seeds, a difference of means is
    beyond it above t(d) s sqrt(1/n + 1/m), t being Student's quantile (`CONFIDENCE`, two-sided).

    Raises:
        InputError: no results there, nothing in common, or results made under other protocols.
    """
    first, second = read_results(a), read_results(b)
    names = [_cells(results) for results in (first, second)]
    common = [cell for cell in names[0] if cell in names[1]]
    if not common:
        raise InputError(
            f"compare: {a} and {b} must have a scene and a method in common, got none; "
            "name two sweeps of one suite"
        )
    noises = {
        (method, metric): _noise((first, second), method, metric)
        for method in {method for _, method in common}
        for metric in METRICS
    }
    changes = []
    for scene, method in common:
        rows = first.of(scene, method), second.of(scene, method)
        _require_alike(scene, method, rows)
        for metric in METRICS:
            change = _change(metric, rows, noises[method, metric])
            changes += [] if change is None else [change]
    return Comparison(
        tuple(changes),
        tuple(f"{s} {m}" for s, m in names[0] if (s, m) not in names[1]),
        tuple(f"{s} {m}" for s, m in names[1] if (s, m) not in names[0]),
        tuple(_notes(first, second)),
    )


def student(confidence: float, degrees: int) -> float:
    """Two-sided quantile of Student's distribution.

    Source
        Abramowitz and Stegun 26.7.5; below 3 degrees of freedom in closed form
    """
    if degrees == 1:
        return math.tan(math.pi * confidence / 2)
    if degrees == 2:
        return confidence * math.sqrt(2 / (1 - confidence**2))
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / degrees ** (i + 1) for i, term in enumerate(terms))


def _cells(results: Results) -> list[tuple[str, str]]:
    return list(dict.fromkeys((row.scene, row.method) for row in results.rows))


def _require_alike(scene: str, method: str, rows: tuple[list[Row], list[Row]]) -> None:
    with_lpips = all(row.metrics.get("lpips") is not None for side in rows for row in side)
    for key in (*_ALIKE, "lpips_weights") if with_lpips else _ALIKE:
        found = [sorted({str(getattr(row, key)) for row in side}) for side in rows]
        if found[0] != found[1]:
            raise InputError(
                f"compare: results must be made alike, got {key} {', '.join(found[0])} and "
                f"{', '.join(found[1])} of {scene} {method}; run both the same way"
            )


def _noise(both: tuple[Results, Results], method: str, metric: str) -> tuple[float, int] | None:
    """Pooled standard deviation over seeds, and its degrees of freedom."""
    squares, degrees = 0.0, 0
    for results in both:
        for scene in results.scenes:
            found = spread(row.metrics.get(metric) for row in results.of(scene, method))
            if found is not None and found.deviation is not None:
                squares += found.deviation**2 * (found.count - 1)
                degrees += found.count - 1
    return (math.sqrt(squares / degrees), degrees) if degrees else None


def _change(
    metric: str, rows: tuple[list[Row], list[Row]], noise: tuple[float, int] | None
) -> Change | None:
    a, b = (spread(row.metrics.get(metric) for row in side) for side in rows)
    if a is None or b is None:
        return None
    limit = None
    if noise is not None:
        limit = student(CONFIDENCE, noise[1]) * noise[0] * math.sqrt(1 / a.count + 1 / b.count)
    difference = b.mean - a.mean
    if difference == 0:
        verdict = "same"
    elif limit is None:
        verdict = "changed"
    elif abs(difference) <= limit:
        verdict = "within noise"
    else:
        verdict = "better" if (difference > 0) == HIGHER_IS_BETTER[metric] else "worse"
    first = rows[0][0]
    return Change(first.scene, first.method, metric, a.mean, b.mean, limit, verdict)


def _notes(a: Results, b: Results) -> Iterable[str]:
    """What else differs: budgets, machines, sizes, seconds."""
    for method in a.methods:
        sides = [[row for row in results.rows if row.method == method] for results in (a, b)]
        if not sides[1]:
            continue
        for label, key in (("budget", "budget"), ("parameters", "parameters"), ("bytes", "bytes")):
            found = [", ".join(sorted({str(getattr(row, key)) for row in s})) for s in sides]
            if found[0] != found[1]:
                yield f"{method}: {label} {found[0]} became {found[1]}"
        for label, values in _seconds(sides[0], sides[1]).items():
            if values[0] != values[1]:
                yield f"{method}: {label} {values[0]:.3g} s became {values[1]:.3g} s"
    places = [", ".join(sorted({row.machine for row in results.rows})) for results in (a, b)]
    if places[0] != places[1]:
        yield f"measured on {places[0]}, then on {places[1]}"


def _seconds(a: list[Row], b: list[Row]) -> Mapping[str, tuple[float, float]]:
    """Mean seconds of training where the budget is in steps, and of a view."""
    found = {}
    if all("steps" in row.budget for row in [*a, *b]):
        found["training"] = fmean(r.train_seconds for r in a), fmean(r.train_seconds for r in b)
    views = [
        [r.seconds_per_view for r in side if r.seconds_per_view is not None] for side in (a, b)
    ]
    if all(views):
        found["a view"] = fmean(views[0]), fmean(views[1])
    return found
