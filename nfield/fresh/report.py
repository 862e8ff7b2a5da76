"""A choice as a table and as a picture."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from nfield.chart import Axis, Chart, round_numbers
from nfield.files import replacing
from nfield.fresh.choice import Candidate, Choice

_LABELS = 12  # candidates that are named along the axis, about
_STYLE = (
    ".mean{fill:none;stroke:#8a5cf6;stroke-width:1.6;stroke-linejoin:round}"
    ".error{stroke:#8a5cf6;stroke-width:1.6}.pick{fill:#ef7d3b}"
)


def table(choice: Choice, setting: str) -> Table:
    """One row a candidate; the pick is marked.

    Args:
        setting: Name of what is chosen.
    """
    place = "" if choice.interior else ", at the limit"
    result = Table(title=f"{setting} = {choice.pick:g}{place}", title_justify="left")
    for name in (setting, "distance", "standard error"):
        result.add_column(name, justify="right")
    result.add_column("")
    for row in choice.candidates:
        mark = "pick" if row.value == choice.pick else ""
        result.add_row(f"{row.value:.4g}", f"{row.distance:.3f}", f"{row.error:.3f}", mark)
    result.caption = f"{choice.seconds:.1f} s"
    return result


def plot(choice: Choice, setting: str) -> str:
    """The distance of every candidate as SVG, one place each, with a bar of its standard error.

    Units
        bins of the spectrum
    """
    rows = choice.candidates
    heights = [y for row in rows for y in _bar(row)]
    ticks = round_numbers(0.0, max(heights))
    every = -(-len(rows) // _LABELS)
    names = [(float(i), f"{row.value:.3g}") for i, row in enumerate(rows)][::every]
    chart = Chart(
        f"distance of spectra over {setting}",
        _STYLE,
        Axis(setting, (-0.5, len(rows) - 0.5), names),
        Axis("distance, bins", (ticks[0][0], ticks[-1][0]), ticks),
    )
    chart.line("mean", [(i, row.distance) for i, row in enumerate(rows)])
    for i, row in enumerate(rows):
        chart.line("error", [(i, y) for y in _bar(row)])
        if row.value == choice.pick:
            chart.dot("pick", (i, row.distance), f"{setting} = {row.value:.4g}")
    return chart.svg()


def write_plot(path: str | Path, choice: Choice, setting: str) -> None:
    """Write the plot as an SVG file, whole or not at all.

    Raises:
        InputError: the place is not writable.
    """
    with replacing(path) as temporary:
        temporary.write_text(plot(choice, setting), encoding="utf-8")


def _bar(row: Candidate) -> tuple[float, float]:
    return max(row.distance - row.error, 0.0), row.distance + row.error
