"""The choice among candidate values of one setting, by the spectra of untrained networks."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import nn

from nfield.fresh.target import Target
from nfield.fresh.wasserstein import wasserstein

LEAST_RATIO = 1.25  # between the last candidate and the one that extends the grid

Build = Callable[[float, int], nn.Module]


@dataclass(frozen=True)
class Candidate:
    """How far a value's networks are from the target.

    Args:
        value: Of the setting.
        distance: Mean over seeds of the Wasserstein distance, in bins.
        error: Standard error of that mean.
    """

    value: float
    distance: float
    error: float


@dataclass(frozen=True)
class Choice:
    """All candidates by rising value, and the one to take.

    Args:
        pick: Value of the least distance, the lowest of those that share it.
        interior: Whether there are candidates on both sides that are farther from the target; if
            not, the best value may lie beyond the limits.
        seconds: What the choice took.
    """

    candidates: tuple[Candidate, ...]
    pick: float
    interior: bool
    seconds: float


def choose(
    target: Target,
    candidates: Sequence[float],
    build: Build,
    *,
    limits: tuple[float, float],
    seeds: int = 10,
) -> Choice:
    r"""Pick the value with which untrained networks look most like the target.

    Formula
        $\arg\min_v \frac{1}{S} \sum_{s<S} W_1(\mathrm{spectrum}(target),
        \mathrm{spectrum}(build(v, s)))$. While the lowest or highest candidate is the best, or
        within a standard error of it, another is added beyond: farther by the ratio of the last
        two candidates, at least 5/4, but not past the limits. Where all candidates are whole
        numbers, those added are too.
    Raises
        ValueError: fewer than three candidates, two of them equal, one outside the limits, fewer
            than two seeds, or a network whose images have no spectrum.
    Source
        Kania et al. 2025, FreSh, arXiv:2410.05050, Sec. 4

    Args:
        build: Value and seed to an untrained module, as `target` asks it. Equal seeds for all
            values make their distances comparable.
        limits: Least and greatest value, both finite; 0 only where it is a candidate.
    """
    _check(candidates, limits, seeds)
    start = time.perf_counter()
    whole = all(isinstance(value, int) for value in candidates)
    rows = [_probe(target, value, build, seeds) for value in sorted(candidates)]
    while (value := _beyond(rows, limits, whole)) is not None:
        rows.append(_probe(target, value, build, seeds))
        rows.sort(key=lambda row: row.value)
    best = _best(rows)
    interior = not (_open(rows, 0) or _open(rows, -1))
    return Choice(tuple(rows), best.value, interior, time.perf_counter() - start)


def _check(candidates: Sequence[float], limits: tuple[float, float], seeds: int) -> None:
    if len(set(candidates)) < max(3, len(candidates)):
        raise ValueError(
            f"choose: candidates must be at least three different values, got {list(candidates)}"
        )
    low, high = limits
    # The grid approaches 0 by factors and would never arrive.
    if not 0 <= low <= high < math.inf or (low == 0 and min(candidates) > 0):
        raise ValueError(
            "choose: limits must be finite, rise and be positive, or start at a candidate 0, "
            f"got {limits}"
        )
    if not low <= min(candidates) <= max(candidates) <= high:
        raise ValueError(
            f"choose: candidates must be from {low:g} to {high:g}, got {list(candidates)}"
        )
    if seeds < 2:
        raise ValueError(f"choose: seeds must be at least 2, got {seeds}")


def _probe(target: Target, value: float, build: Build, seeds: int) -> Candidate:
    distances = [
        wasserstein(target.spectrum, target.of(build(value, seed))) for seed in range(seeds)
    ]
    error = statistics.stdev(distances) / math.sqrt(seeds)
    return Candidate(value, statistics.fmean(distances), error)


def _best(rows: Sequence[Candidate]) -> Candidate:
    return min(rows, key=lambda row: row.distance)


def _open(rows: Sequence[Candidate], end: int) -> bool:
    """Whether the lowest (0) or highest (-1) candidate is as good as the best."""
    edge, best = rows[end], _best(rows)
    return edge.distance - best.distance <= math.hypot(edge.error, best.error)


def _beyond(rows: Sequence[Candidate], limits: tuple[float, float], whole: bool) -> float | None:
    """The next candidate beyond an open end of the grid, None where both ends are settled."""
    low, high = limits
    first, second = rows[0].value, rows[1].value
    penultimate, last = rows[-2].value, rows[-1].value
    if first > low and _open(rows, 0):
        value = first / max(second / first, LEAST_RATIO)
        return max(low, min(round(value), first - 1) if whole else value)
    if last < high and _open(rows, -1):
        value = last * max(last / penultimate, LEAST_RATIO)
        return min(high, max(round(value), last + 1) if whole else value)
    return None
