"""PSNR over training time as an SVG picture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

_WIDTH, _HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 16, 44
_BINS = 240  # points of the drawn line; each is the mean of its share of the records
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:currentColor}"
    ".grid{stroke:currentColor;opacity:.15}"
    ".train{fill:none;stroke:#8a5cf6;stroke-width:1.6;stroke-linejoin:round}"
    ".test{fill:#ef7d3b}"
)

Point = tuple[float, float]


def psnr_curve(records: Sequence[Mapping[str, Any]]) -> str:
    """Draw the PSNR of a run's log over training time.

    Records with ``seconds`` and ``psnr`` make the line of the training batches, averaged in at
    most 240 equal stretches of time; those that have a ``split`` too are evaluations, drawn as
    dots with their value. Text takes the colour of the page around it (``currentColor``).

    Units
        seconds of training, dB
    """
    train = _thinned(_points(r for r in records if "split" not in r))
    test = _points(r for r in records if "split" in r)
    if not train and not test:
        return _svg([f'<text x="{_LEFT}" y="{_HEIGHT // 2}">nothing logged yet</text>'])
    seconds = [x for x, _ in train + test]
    values = [y for _, y in train + test]
    x_ticks = _ticks(0.0, max(*seconds, 1e-3))
    y_ticks = _ticks(min(values) - 0.5, max(values) + 0.5)
    x_span, y_span = (0.0, max(*seconds, 1e-3)), (y_ticks[0], y_ticks[-1])

    def place(point: Point) -> Point:
        x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * _share(point[0], *x_span)
        y = _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * _share(point[1], *y_span)
        return round(x, 1), round(y, 1)

    parts = _axes([t for t in x_ticks if t <= x_span[1]], y_ticks, place)
    if train:
        line = " ".join(f"{x},{y}" for x, y in map(place, train))
        parts.append(f'<polyline class="train" points="{line}"/>')
    for point in test:
        x, y = place(point)
        side = ("end", -8) if x > _WIDTH / 2 else ("start", 8)
        parts.append(f'<circle class="test" cx="{x}" cy="{y}" r="4"/>')
        label = f"{point[1]:.2f} dB"
        parts.append(f'<text x="{x + side[1]}" y="{y - 8}" text-anchor="{side[0]}">{label}</text>')
    return _svg(parts + _legend(bool(train), bool(test)))


def _points(records: Iterable[Mapping[str, Any]]) -> list[Point]:
    pairs = [(record.get("seconds"), record.get("psnr")) for record in records]
    return [
        (float(x), float(y))
        for x, y in pairs
        if x is not None and y is not None and math.isfinite(x) and math.isfinite(y)
    ]


def _thinned(points: list[Point]) -> list[Point]:
    if len(points) <= _BINS:
        return points
    data = np.array(points)
    edges = np.linspace(data[:, 0].min(), data[:, 0].max(), _BINS + 1)[1:-1]
    owner = np.searchsorted(edges, data[:, 0], side="right")
    count = np.bincount(owner, minlength=_BINS)
    sums = [np.bincount(owner, data[:, axis], minlength=_BINS)[count > 0] for axis in (0, 1)]
    return [(float(x), float(y)) for x, y in np.stack(sums, 1) / count[count > 0, None]]


def _ticks(low: float, high: float) -> list[float]:
    """Four to nine round numbers a step apart that cover [low, high]."""
    rough = (high - low) / 5.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [i * step for i in range(first, last + 1)]


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low)


def _axes(x_ticks: list[float], y_ticks: list[float], place: Any) -> list[str]:
    parts = []
    bottom = _HEIGHT - _BOTTOM
    for tick in y_ticks:
        y = place((0.0, tick))[1]
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{tick:g}</text>')
    for tick in x_ticks:
        x = place((tick, y_ticks[0]))[0]
        parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}"/>')
        parts.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{tick:g}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) // 2
    parts.append(
        f'<text x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">training time, seconds</text>'
    )
    centre = (_TOP + bottom) // 2
    parts.append(
        f'<text x="14" y="{centre}" text-anchor="middle" '
        f'transform="rotate(-90 14 {centre})">PSNR, dB</text>'
    )
    return parts


def _legend(train: bool, test: bool) -> list[str]:
    x, y = _WIDTH - _RIGHT - 150, _HEIGHT - _BOTTOM - 34
    parts = []
    if train:
        parts.append(f'<polyline class="train" points="{x},{y - 4} {x + 18},{y - 4}"/>')
        parts.append(f'<text x="{x + 26}" y="{y}">training batches</text>')
    if test:
        parts.append(f'<circle class="test" cx="{x + 9}" cy="{y + 14}" r="4"/>')
        parts.append(f'<text x="{x + 26}" y="{y + 18}">held-out views</text>')
    return parts


def _svg(parts: list[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="PSNR over training time"><style>{_STYLE}</style>{"".join(parts)}</svg>'
    )
