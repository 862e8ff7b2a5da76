"""A choice can be read from its table and its plot."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from nfield.fresh.choice import Candidate, Choice
from nfield.fresh.report import plot, table, write_plot

SVG = "{http://www.w3.org/2000/svg}"
CHOICE = Choice(
    tuple(Candidate(v, d, 0.25) for v, d in ((10, 4.0), (20, 1.5), (30, 0.125), (40, 2.0))),
    pick=30,
    interior=True,
    seconds=1.25,
)


def printed(choice: Choice) -> str:
    stream = io.StringIO()
    Console(width=80, file=stream).print(table(choice, "omega"))
    return stream.getvalue()


def test_the_table_lists_every_candidate_and_marks_the_pick() -> None:
    lines = printed(CHOICE).splitlines()
    assert lines[0].startswith("omega = 30 ")
    rows = [line for line in lines if "0.250" in line]
    assert len(rows) == 4
    assert [line for line in rows if "pick" in line] == [line for line in rows if "0.125" in line]
    assert "1.2 s" in lines[-1]


def test_a_pick_at_the_limit_is_called_so() -> None:
    at_limit = Choice(CHOICE.candidates, 40, False, 1.0)
    assert printed(at_limit).startswith("omega = 40, at the limit")


def test_the_plot_shows_means_errors_and_the_pick() -> None:
    root = ElementTree.fromstring(plot(CHOICE, "omega"))
    mean = root.find(f"{SVG}polyline[@class='mean']")
    assert mean is not None
    points = [tuple(map(float, pair.split(","))) for pair in mean.get("points", "").split()]
    assert len(points) == 4
    assert len(root.findall(f"{SVG}polyline[@class='error']")) == 4
    (dot,) = root.findall(f"{SVG}circle[@class='pick']")
    lowest = max(points, key=lambda point: point[1])  # SVG's y runs down
    assert (float(dot.get("cx", "")), float(dot.get("cy", ""))) == lowest
    texts = {node.text for node in root.iter(f"{SVG}text")}
    assert {"10", "20", "30", "40", "omega = 30", "omega", "distance, bins"} <= texts


@pytest.mark.parametrize("count", [3, 12, 40])
def test_names_along_the_axis_stay_few(count: int) -> None:
    rows = tuple(Candidate(100.0 + i, 1.0 + i, 0.0) for i in range(count))
    root = ElementTree.fromstring(plot(Choice(rows, 100.0, True, 1.0), "omega"))
    names = [
        n for n in root.iter(f"{SVG}text") if n.text and n.text[:1] == "1" and len(n.text) == 3
    ]
    assert min(count, 6) <= len(names) <= 12 or count == 3


def test_the_plot_is_written(tmp_path: Path) -> None:
    write_plot(tmp_path / "new" / "plot.svg", CHOICE, "omega")
    assert (tmp_path / "new" / "plot.svg").read_text() == plot(CHOICE, "omega")
