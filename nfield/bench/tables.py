"""The report's tables, as rows of text; drawn as HTML and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from nfield.bench.results import Results, Row, Spread, over_scenes, spread
from nfield.bench.suite import MEAN, Published

TITLES = {
    "psnr": "PSNR, dB",
    "ssim": "SSIM",
    "lpips": "LPIPS",
    "iou": "Intersection over union",
    "chamfer": "Chamfer distance, of the longest side",
    "normal_error": "Normal error, degrees",
}
FORMS = {"psnr": ".2f", "ssim": ".4f", "lpips": ".4f", "iou": ".4f", "chamfer": ".2e"}
FORMS["normal_error"] = ".2f"
NONE = "–"


@dataclass
class Table:
    """Rows of text under a head; `published` are the indices of rows that are not ours."""

    title: str
    head: list[str]
    rows: list[list[str]] = field(default_factory=list)
    published: set[int] = field(default_factory=set)


@dataclass
class Notes:
    """Footnotes: each text once, numbered as they come."""

    texts: list[str] = field(default_factory=list)

    def mark(self, texts: Iterable[str]) -> str:
        """The numbers of texts, to be set behind a name."""
        numbers = []
        for text in texts:
            if text not in self.texts:
                self.texts.append(text)
            numbers.append(self.texts.index(text) + 1)
        return "".join(f"[{number}]" for number in numbers)


def quality(results: Results, metric: str, notes: Notes) -> Table:
    """A metric of every method on every scene, beside what is published.

    Ours are means over seeds and their standard deviation.
    """
    scenes = results.shown_scenes()
    columns = [*scenes, *([MEAN] if len(scenes) > 1 else [])]
    table = Table(TITLES[metric], ["method", *columns])
    for method in results.methods:
        cells = [
            spread(row.metrics.get(metric) for row in results.of(scene, method)) for scene in scenes
        ]
        if len(scenes) > 1:
            cells.append(over_scenes(results, method, metric))
        table.rows.append([method, *(_cell(cell, FORMS[metric]) for cell in cells)])
    for entry in results.published:
        figures = _figures(entry, metric, scenes, set(results.scenes))
        if any(column in figures for column in columns):
            marked = f"{entry.method} {notes.mark([_source(entry), *differences(entry, results)])}"
            cells_text = [
                format(figures[column], FORMS[metric]) if column in figures else NONE
                for column in columns
            ]
            table.published.add(len(table.rows))
            table.rows.append([marked, *cells_text])
    return table


def costs(results: Results) -> Table:
    """What each method takes, mean over scenes and seeds."""
    head = [
        "method",
        "parameters",
        "bytes",
        "budget",
        "training, s",
        "steps",
        "steps/s",
        "a view, s",
    ]
    table = Table("What it takes", head)
    for method in results.methods:
        rows = [row for row in results.rows if row.method == method]
        rates = [row.step / row.train_seconds for row in rows if row.train_seconds > 0]
        table.rows.append(
            [
                method,
                _number(spread(row.parameters for row in rows), ",.0f"),
                _number(spread(row.bytes for row in rows), ",.0f"),
                ", ".join(dict.fromkeys(row.budget for row in rows)),
                _number(spread(row.train_seconds for row in rows), ".1f"),
                _number(spread(row.step for row in rows), ",.0f"),
                _number(spread(rates), ".1f"),
                _number(spread(row.seconds_per_view for row in rows), ".3g"),
            ]
        )
    return table


def means(results: Results) -> list[list[str]]:
    """Each method's metrics, mean over scenes and seeds, and its number of jobs."""
    found = []
    for method in results.methods:
        rows = [row for row in results.rows if row.method == method]
        values = [
            _number(over_scenes(results, method, metric), FORMS[metric])
            for metric in results.metrics()
        ]
        found.append([method, *values, str(len(rows))])
    return found


def missing(results: Results) -> Table:
    """What is not done, and why."""
    table = Table("Missing", ["scene", "method", "seed", "why"])
    for problem in results.problems:
        seed = "all" if problem.seed is None else str(problem.seed)
        table.rows.append([problem.scene, problem.method or "all", seed, problem.text])
    return table


def differences(entry: Published, results: Results) -> list[str]:
    """In what a published evaluation differs from ours, as far as it is stated."""
    rows = results.rows
    found = []
    for label, stated, ours in (
        ("resolution", entry.resolution, {row.resolution for row in rows}),
        ("background", entry.background, {row.background for row in rows}),
        ("views", entry.views, {row.views for row in rows}),
    ):
        other = sorted(str(value) for value in ours if value is not None and value != stated)
        if stated is not None and other:
            found.append(f"other {label}: theirs {stated}, ours {', '.join(other)}")
    return [*found, *entry.notes]


def _source(entry: Published) -> str:
    return f"published: {entry.source}"


def _figures(
    entry: Published, metric: str, scenes: Sequence[str], suite: set[str]
) -> dict[str, float]:
    """Published values of the scenes shown, and their mean where it is one of these scenes."""
    known = entry.figures.get(metric, {})
    found = {scene: known[scene] for scene in scenes if scene in known}
    if len(found) == len(scenes):
        found[MEAN] = sum(found.values()) / len(found)
    elif MEAN in known and suite == set(scenes):
        found[MEAN] = known[MEAN]
    return found


def _cell(value: Spread | None, form: str) -> str:
    if value is None:
        return NONE
    text = format(value.mean, form)
    return text if value.deviation is None else f"{text} ± {format(value.deviation, form)}"


def _number(value: Spread | None, form: str) -> str:
    return NONE if value is None else format(value.mean, form)


def protocol(rows: Sequence[Row]) -> str:
    """How ours was judged, in a line."""
    stated: dict[str, set[str]] = {}
    for row in rows:
        for key, value in (
            ("protocol", row.protocol),
            ("pixels", row.resolution),
            ("background", row.background),
            ("views", row.views),
            ("every", row.every),
        ):
            if value is not None:
                stated.setdefault(key, set()).add(str(value))
    return "; ".join(f"{key} {', '.join(sorted(values))}" for key, values in stated.items())


def html(table: Table) -> str:
    """As HTML; published rows are set apart."""
    lines = [f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in table.head)}</tr>"]
    for i, row in enumerate(table.rows):
        kind = ' class="published"' if i in table.published else ""
        lines.append(f"<tr{kind}>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>")
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def markdown(table: Table) -> str:
    """As Markdown; published rows are in italics."""
    lines = [_line(table.head), _line(["---"] + ["---:"] * (len(table.head) - 1))]
    for i, row in enumerate(table.rows):
        cells = [f"*{cell}*" for cell in row] if i in table.published else row
        lines.append(_line(cells))
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
