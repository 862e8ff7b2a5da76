"""The PSNR curve draws the log it was given."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from nfield.evaluate.curve import psnr_beside, psnr_curve

SVG = "{http://www.w3.org/2000/svg}"


def points(svg: str) -> list[tuple[float, float]]:
    line = ElementTree.fromstring(svg).find(f"{SVG}polyline[@class='train']")
    return [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]


def texts(svg: str) -> list[str]:
    return [node.text for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def log(count: int) -> list[dict]:
    return [{"step": i, "seconds": i / 10, "psnr": 10 + 5 * math.log1p(i)} for i in range(count)]


def test_few_records_are_each_a_point_in_order():
    got = points(psnr_curve(log(20)))
    assert len(got) == 20
    assert got == sorted(got)  # time runs to the right
    heights = [y for _, y in got]
    assert heights == sorted(heights, reverse=True)  # better is higher, and SVG's y runs down


def test_points_lie_where_the_axis_says():
    svg = psnr_curve([{"seconds": s, "psnr": p} for s, p in ((0, 20), (50, 25), (100, 30))])
    (x0, y0), (x1, y1), (x2, y2) = points(svg)
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)  # coordinates are rounded to 0.1
    assert y1 - y0 == pytest.approx(y2 - y1, abs=0.2)
    root = ElementTree.fromstring(svg)
    label = next(n for n in root.iter(f"{SVG}text") if n.text == "100")
    assert float(label.get("x")) == pytest.approx(x2, abs=0.1)


def test_many_records_are_averaged_by_time():
    svg = psnr_curve(log(5000))
    got = points(svg)
    assert len(got) == 240
    assert got == sorted(got)
    assert len(svg) < 20_000


def test_evaluations_are_dots_with_their_value():
    svg = psnr_curve([*log(20), {"seconds": 1.9, "psnr": 33.333, "split": "test"}])
    assert len(ElementTree.fromstring(svg).findall(f"{SVG}circle[@class='test']")) == 2  # + legend
    assert "33.33 dB" in texts(svg)
    assert "held-out views" in texts(svg)
    assert len(points(svg)) == 20


def test_looks_at_held_out_views_are_a_line_of_their_own():
    looks = [{"seconds": s, "psnr": 30.0, "test_psnr": p} for s, p in ((0.5, 20), (1.5, 28))]
    root = ElementTree.fromstring(psnr_curve([*log(20), *looks]))
    (line,) = root.findall(f"{SVG}polyline[@class='held']")
    assert len(line.get("points").split()) == 2


@pytest.mark.parametrize(("student", "scratch"), [(3, 2), (3, 0), (0, 2)])
def test_a_student_beside_training_from_scratch(student, scratch):
    lines = {"held": student, "other": scratch}
    curves = [[(float(i), 20.0 + i) for i in range(count)] for count in lines.values()]
    svg = psnr_beside(*curves)
    for (kind, count), name in zip(lines.items(), ("student", "from scratch")):
        drawn = ElementTree.fromstring(svg).findall(f"{SVG}polyline[@class='{kind}']")
        assert [len(node.get("points").split()) for node in drawn] == ([count, 2] if count else [])
        assert (name in texts(svg)) == bool(count)


def test_without_test_views_there_is_nothing_to_draw():
    assert texts(psnr_beside([], [])) == ["no test views were at hand"]


@pytest.mark.parametrize("gap", [None, math.nan, math.inf])
def test_gaps_are_left_out(gap):
    records = [*log(5), {"seconds": 0.2, "psnr": gap}, {"seconds": gap, "psnr": 3.0}, {"step": 9}]
    assert points(psnr_curve(records)) == points(psnr_curve(log(5)))


@pytest.mark.parametrize("records", [[], [{"step": 3}], [{"seconds": None, "psnr": None}]])
def test_an_empty_log_says_so(records):
    assert texts(psnr_curve(records)) == ["nothing logged yet"]


@pytest.mark.parametrize("records", [log(1), [{"seconds": 5.0, "psnr": 20.0}] * 400])
def test_a_log_without_extent_is_drawn(records):
    assert all(math.isfinite(v) for pair in points(psnr_curve(records)) for v in pair)
