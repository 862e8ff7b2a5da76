"""PSNR over training time as SVG pictures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nfield.chart import Axis, Chart, Point, empty, round_numbers

_TITLE = "PSNR over training time"
_BINS = 240  # points of the drawn line; each is the mean of its share of the records
_LINE = "fill:none;stroke-width:1.6;stroke-linejoin:round"
_STYLE = (
    f".train{{{_LINE};stroke:#8a5cf6}}.held{{{_LINE};stroke:#ef7d3b}}.test{{fill:#ef7d3b}}"
    f".other{{{_LINE};stroke:currentColor;stroke-dasharray:5 4;opacity:.7}}"
)


def psnr_curve(records: Sequence[Mapping[str, Any]]) -> str:
    """Draw the PSNR of a run's log over training time.

    Records with ``seconds`` and ``psnr`` make the line of the training batches, averaged in at
    most 240 equal stretches of time; those with ``test_psnr`` another, of held-out views; those
    that have a ``split`` too are evaluations, drawn as dots with their value. Text takes the colour
    of the page around it (``currentColor``).

    Units
        seconds of training, dB
    """
    train = thinned(points(r for r in records if "split" not in r))
    test = points(r for r in records if "split" in r)
    held = points(records, "test_psnr")
    if not train and not test:
        return empty(_TITLE, "nothing logged yet")
    chart = Chart(_TITLE, _STYLE, *_axes(train + test + held))
    for kind, marks in (("train", train), ("held", held)):
        if marks:
            chart.line(kind, marks)
    for point in test:
        chart.dot("test", point, f"{point[1]:.2f} dB")
    chart.legend(
        [("train", "training batches")] if train else [],
        [("test", "held-out views")] if test else [],
    )
    return chart.svg()


def psnr_beside(student: Sequence[Point], scratch: Sequence[Point]) -> str:
    """Draw the PSNR of a student, and that of training from scratch where it is known.

    Units
        points in seconds of training, dB
    """
    if not student and not scratch:
        return empty(_TITLE, "no test views were at hand")
    chart = Chart(_TITLE, _STYLE, *_axes([*student, *scratch]))
    lines = [("held", "student", student), ("other", "from scratch", scratch)]
    for kind, _, marks in lines:
        if marks:
            chart.line(kind, marks)
    chart.legend([(kind, name) for kind, name, marks in lines if marks], [])
    return chart.svg()


def _axes(marks: list[Point]) -> tuple[Axis, Axis]:
    end = max(*(x for x, _ in marks), 1e-3)
    values = [y for _, y in marks]
    seconds = [tick for tick in round_numbers(0.0, end) if tick[0] <= end]
    psnr = round_numbers(min(values) - 0.5, max(values) + 0.5)
    return (
        Axis("training time, seconds", (0.0, end), seconds),
        Axis("PSNR, dB", (psnr[0][0], psnr[-1][0]), psnr),
    )


def points(records: Iterable[Mapping[str, Any]], key: str = "psnr") -> list[Point]:
    """Seconds and a value of the records that have both."""
    pairs = [(record.get("seconds"), record.get(key)) for record in records]
    return [
        (float(x), float(y))
        for x, y in pairs
        if x is not None and y is not None and math.isfinite(x) and math.isfinite(y)
    ]


def thinned(marks: list[Point]) -> list[Point]:
    """At most 240 points: means over equal stretches of time."""
    if len(marks) <= _BINS:
        return marks
    data = np.array(marks)
    edges = np.linspace(data[:, 0].min(), data[:, 0].max(), _BINS + 1)[1:-1]
    owner = np.searchsorted(edges, data[:, 0], side="right")
    count = np.bincount(owner, minlength=_BINS)
    sums = [np.bincount(owner, data[:, axis], minlength=_BINS)[count > 0] for axis in (0, 1)]
    return [(float(x), float(y)) for x, y in np.stack(sums, 1) / count[count > 0, None]]
