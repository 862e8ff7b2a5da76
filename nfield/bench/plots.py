"""The report's plots: quality over time, and over size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from nfield.bench.results import Results, spread
from nfield.bench.tables import TITLES
from nfield.chart import Axis, Chart, Point, round_numbers
from nfield.evaluate.curve import points, thinned

COLORS = ("#8a5cf6", "#ef7d3b", "#1baf7a", "#2a78d6", "#e34948", "#b8860b", "#d6409f", "#5f8a8b")
Logs = Mapping[str, Sequence[Mapping[str, Any]]]


def over_time(results: Results, scene: str, logs: Logs) -> str | None:
    """PSNR over seconds of training, a line a method: on held-out views, or of the training batches
    where a log has none. Dots are the mean on all held-out views at the end.

    Args:
        logs: Records of the first seed's run, by method.
    """
    lines = {
        method: points(records, "test_psnr") or thinned(points(records))
        for method, records in logs.items()
    }
    ends = {method: _end(results, scene, method) for method in logs}
    places = [point for line in lines.values() for point in line]
    places += [point for point in ends.values() if point is not None]
    if not places:
        return None
    longest = max(x for x, _ in places)
    seconds = [tick for tick in round_numbers(0.0, longest) if tick[0] <= longest]
    psnr = round_numbers(min(y for _, y in places) - 0.5, max(y for _, y in places) + 0.5)
    chart = Chart(
        f"PSNR over training time, {scene}",
        _style(results),
        Axis("training time, seconds", (0.0, longest), seconds),
        Axis("PSNR, dB", (psnr[0][0], psnr[-1][0]), psnr),
    )
    for method, line in lines.items():
        kind = f"m{results.methods.index(method)}"
        if line:
            chart.line(kind, line)
        end = ends[method]
        if end is not None:
            chart.dot(kind, end)
    return chart.svg()


def over_size(results: Results, metric: str) -> str | None:
    """A metric, mean over scenes and seeds, over the bytes of the parameters, a dot a method."""
    dots: dict[str, Point] = {}
    for method in results.methods:
        rows = [row for row in results.rows if row.method == method]
        value = spread(row.metrics.get(metric) for row in rows)
        size = spread(float(row.bytes) for row in rows)
        if value is not None and size is not None and size.mean > 0:
            dots[method] = (math.log10(size.mean), value.mean)
    if not dots:
        return None
    sizes, values = [x for x, _ in dots.values()], [y for _, y in dots.values()]
    low, high = math.floor(min(sizes)), math.ceil(max(sizes) + 0.01)
    powers = [(float(power), _bytes(power)) for power in range(low, high + 1)]
    margin = 0.1 * (max(values) - min(values)) or 0.1 * abs(values[0]) or 1.0
    ticks = round_numbers(min(values) - margin, max(values) + margin)
    chart = Chart(
        f"{TITLES[metric]} over bytes of the parameters",
        _style(results),
        Axis("bytes of the parameters", (low - 0.1, high + 0.1), powers),
        Axis(TITLES[metric], (ticks[0][0], ticks[-1][0]), ticks),
    )
    for method, place in dots.items():
        chart.dot(f"m{results.methods.index(method)}", place, method)
    return chart.svg()


def legend(results: Results) -> str:
    """Which colour is which method, as HTML."""
    items = (
        f'<span><i style="background:{COLORS[i % len(COLORS)]}"></i>{escape(method)}</span>'
        for i, method in enumerate(results.methods)
    )
    return f'<p class="legend">{"".join(items)}</p>'


def _style(results: Results) -> str:
    return "".join(
        f"polyline.m{i}{{fill:none;stroke:{COLORS[i % len(COLORS)]};stroke-width:1.6}}"
        f"circle.m{i}{{fill:{COLORS[i % len(COLORS)]}}}"
        for i in range(len(results.methods))
    )


def _end(results: Results, scene: str, method: str) -> Point | None:
    rows = results.of(scene, method)
    psnr = spread(row.metrics.get("psnr") for row in rows)
    seconds = spread(row.train_seconds for row in rows)
    return None if psnr is None or seconds is None else (seconds.mean, psnr.mean)


def _bytes(power: int) -> str:
    for unit, name in ((9, "GB"), (6, "MB"), (3, "kB")):
        if power >= unit:
            return f"{10 ** (power - unit)} {name}"
    return f"{10**power} B"
