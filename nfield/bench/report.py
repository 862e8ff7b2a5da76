"""The report of a sweep: report.html, which opens without a network, and report.md."""

from __future__ import annotations

from html import escape
from pathlib import Path

from nfield.bench import plots
from nfield.bench.pictures import sheets
from nfield.bench.results import Results, machines
from nfield.bench.suite import METRICS
from nfield.bench.tables import Notes, Table, costs, html, markdown, missing, protocol, quality
from nfield.evaluate.page import card, image, section, write_page
from nfield.files import replacing
from nfield.train.log import Log

_OURS = "Ours: mean over seeds ± their standard deviation."
_THEIRS = "Published figures are in italics, with their sources and what is known to differ:"


def write_report(results: Results, out: Path) -> Path:
    """Write OUT/report.html and OUT/report.md; returns the first.

    Pictures and logs are read from the run folders; what is no longer there is left out.

    Raises:
        InputError: the place cannot be written to.
    """
    notes = Notes()
    tables = [quality(results, metric, notes) for metric in results.metrics()]
    if results.rows:
        tables.append(costs(results))
    about = " ".join([results.about, protocol(results.rows)]).strip()
    _write_markdown(results, out, about, tables, notes)
    parts = [section(table.title, card(html(table))) for table in tables]
    if results.rows:
        parts.insert(len(tables) - 1, section("Reading the tables", card(_footnotes(notes))))
        parts += _plots(results, out) + _pictures(results, out)
        where = "".join(f"<p>{escape(name)}</p>" for name in machines(results.rows))
        parts.append(section("Measured on", card(where)))
    if results.problems:
        parts.insert(0, section("Missing", card(html(missing(results)))))
    return write_page(out / "report.html", results.title, about, parts)


def _write_markdown(
    results: Results, out: Path, about: str, tables: list[Table], notes: Notes
) -> None:
    lines = [f"# {results.title}", about]
    if results.problems:
        lines += ["## Missing", markdown(missing(results))]
    for table in tables:
        lines += [f"## {table.title}", markdown(table)]
    if tables:
        lines += _meaning(notes)
        lines += ["## Measured on", *(f"- {name}" for name in machines(results.rows))]
    with replacing(out / "report.md") as temporary:
        temporary.write_text("\n\n".join(lines) + "\n", encoding="utf-8")


def _footnotes(notes: Notes) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in _meaning(notes))


def _meaning(notes: Notes) -> list[str]:
    """What the figures are, and the footnotes."""
    marked = [f"[{i}] {text}" for i, text in enumerate(notes.texts, 1)]
    return [_OURS, _THEIRS, *marked] if marked else [_OURS]


def _plots(results: Results, out: Path) -> list[str]:
    """Quality over time of each scene, and over size."""
    parts = []
    for scene in results.shown_scenes():
        logs = {
            method: Log(out / rows[0].run / "log.jsonl").records()
            for method in results.methods
            if (rows := results.of(scene, method))
        }
        chart = plots.over_time(results, scene, logs)
        if chart is not None:
            parts.append(card(f"{plots.legend(results)}{chart}<p>{escape(scene)}</p>"))
    found = []
    if parts:
        title = "PSNR over training time: training batches, and held-out views at the end"
        found.append(section(title, "".join(parts)))
    metric = next((name for name in METRICS if name in results.metrics()), None)
    chart = None if metric is None else plots.over_size(results, metric)
    if chart is not None:
        found.append(section("Quality over size", card(chart)))
    return found


def _pictures(results: Results, out: Path) -> list[str]:
    parts = []
    for scene in results.shown_scenes():
        for caption, sheet in sheets(results, scene, out).items():
            parts.append(card(f"{image(sheet, caption)}<p>{escape(caption)}</p>"))
    return [section("Side by side", "".join(parts))] if parts else []
