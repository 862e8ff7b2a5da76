"""Marks of a chart lie where its axes say."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from nfield.chart import HEIGHT, WIDTH, Axis, Chart, empty, round_numbers, stacked

SVG = "{http://www.w3.org/2000/svg}"


def chart() -> Chart:
    x = Axis("across", (0.0, 10.0), [(0.0, "left"), (10.0, "right")])
    return Chart("a title", ".a{fill:red}", x, Axis("up", (-1.0, 1.0), [(0.0, "middle")]))


def texts(svg: str) -> dict[str | None, ElementTree.Element]:
    return {node.text: node for node in ElementTree.fromstring(svg).iter(f"{SVG}text")}


def test_places_are_linear_and_inside() -> None:
    drawn = chart()
    (x0, y0), (x1, y1), (x2, y2) = (drawn.place(p) for p in ((0, -1), (5, 0), (10, 1)))
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)  # coordinates are rounded to 0.1
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)
    assert 0 < x0 < x2 < WIDTH and HEIGHT > y0 > y2 > 0


def test_ticks_are_written_beside_their_values() -> None:
    drawn = chart()
    found = texts(drawn.svg())
    assert float(found["right"].get("x", "")) == drawn.place((10.0, 0.0))[0]
    assert float(found["middle"].get("y", "")) == drawn.place((0.0, 0.0))[1] + 4
    assert {"across", "up"} <= set(found)


def test_marks_carry_their_kind_and_text_turns_inward() -> None:
    drawn = chart()
    drawn.line("a", [(0.0, 0.0), (5.0, 1.0)])
    drawn.dot("b", (1.0, 0.0), "near <left>")
    drawn.dot("b", (9.0, 0.0), "near right")
    root = ElementTree.fromstring(drawn.svg())
    line = root.find(f"{SVG}polyline[@class='a']")
    assert line is not None
    assert len(line.get("points", "").split()) == 2
    assert len(root.findall(f"{SVG}circle[@class='b']")) == 2
    found = texts(drawn.svg())
    assert found["near <left>"].get("text-anchor") == "start"
    assert found["near right"].get("text-anchor") == "end"


def test_an_empty_chart_only_speaks() -> None:
    root = ElementTree.fromstring(empty("nothing", "no data"))
    assert root.get("aria-label") == "nothing"
    assert [node.text for node in root.iter(f"{SVG}text")] == ["no data"]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 61.3), (21.2, 34.9), (-3, 4), (0, 1e-3)])
def test_round_numbers_are_few_and_cover_the_range(low: float, high: float) -> None:
    ticks = [value for value, _ in round_numbers(low, high)]
    assert 3 <= len(ticks) <= 9
    assert ticks[0] <= low
    assert ticks[-1] >= high
    step = ticks[1] - ticks[0]
    assert round(step / 10 ** math.floor(math.log10(step * 1.0001)), 6) in {1, 2, 5}
    assert [float(text) for _, text in round_numbers(low, high)] == pytest.approx(ticks)


def test_stacked_charts_lie_under_one_another() -> None:
    whole = ElementTree.fromstring(stacked("two & more", [chart(), chart()]))
    assert whole.get("viewBox") == f"0 0 {WIDTH} {2 * HEIGHT}"
    assert [panel.get("y") for panel in whole] == ["0", str(HEIGHT)]


def test_a_chart_shows_what_lies_between_its_ends() -> None:
    drawn = chart()
    assert drawn.shows((0, -1)) and drawn.shows((10, 1)) and drawn.shows((5, 0))
    assert not drawn.shows((11, 0)) and not drawn.shows((5, -1.5))
