"""Tables: means, spreads, and published figures with what differs."""

from __future__ import annotations

import pytest

from nfield.bench.plan import Problem
from nfield.bench.results import over_scenes, spread
from nfield.bench.suite import Published
from nfield.bench.tables import (
    Notes,
    costs,
    differences,
    html,
    markdown,
    means,
    missing,
    quality,
)
from tests.bench.small import results, row

OTHER = Published(
    "Theirs", "A paper", "800x800", "black", 200, ("on a GPU",), {"psnr": {"a": 35.0, "b": 33.0}}
)


def test_spread_is_the_sample_standard_deviation() -> None:
    found = spread([1.0, None, 3.0])
    assert found is not None and (found.mean, found.count) == (2.0, 2)
    assert found.deviation == pytest.approx(2**0.5)
    one = spread([5.0])
    assert one is not None and one.deviation is None
    assert spread([None]) is None


def test_means_over_scenes_are_of_seeds_that_have_all_scenes() -> None:
    rows = [row("a", "m", 0, 30.0), row("b", "m", 0, 20.0), row("a", "m", 1, 40.0)]
    found = over_scenes(results(rows), "m", "psnr")
    assert found is not None and (found.mean, found.count) == (25.0, 1)
    assert over_scenes(results([*rows, row("c", "n", 0, 1.0)]), "m", "psnr") is None


def test_ours_and_theirs_stand_in_one_table() -> None:
    rows = [row("a", "m", 0, 30.0), row("a", "m", 1, 31.0), row("b", "m", 0, 20.0)]
    notes = Notes()
    table = quality(results(rows, published=[OTHER]), "psnr", notes)
    assert table.head == ["method", "a", "b", "mean"]
    assert table.rows[0] == ["m", "30.50 ± 0.71", "20.00", "25.00"]
    assert table.rows[1] == ["Theirs [1][2][3][4][5]", "35.00", "33.00", "34.00"]
    assert table.published == {1}
    assert notes.texts[0] == "published: A paper"


def test_differences_in_protocol_are_named() -> None:
    found = results([row("a", "m", 0, 30.0)])
    assert differences(OTHER, found) == [
        "other resolution: theirs 800x800, ours 32x32",
        "other background: theirs black, ours white",
        "other views: theirs 200, ours 2",
        "on a GPU",
    ]
    alike = [row("a", "m", 0, 30.0, resolution="800x800", background="black", views=200)]
    assert differences(OTHER, results(alike)) == ["on a GPU"]


@pytest.mark.parametrize(
    ("figures", "want"),
    [
        ({"a": 35.0, "b": 33.0}, ["35.00"]),  # of one scene there is no column of means
        ({"b": 33.0, "mean": 31.0}, None),  # a mean over scenes that are not shown says nothing
    ],
)
def test_published_means_are_of_the_scenes_shown(
    figures: dict[str, float], want: list[str] | None
) -> None:
    entry = Published("T", "S", None, None, None, (), {"psnr": figures})
    found = results([row("a", "m", 0, 30.0)], published=[entry], scenes=["a", "b"])
    table = quality(found, "psnr", Notes())
    assert [line[1:] for line in table.rows[1:]] == ([] if want is None else [want])


def test_a_stated_mean_is_shown_where_all_scenes_are() -> None:
    entry = Published("T", "S", None, None, None, (), {"psnr": {"mean": 31.0}})
    rows = [row(scene, "m", 0, 30.0) for scene in "ab"]
    shown = quality(results(rows, published=[entry]), "psnr", Notes())
    assert shown.rows[1][1:] == ["–", "–", "31.00"]


def test_what_it_takes() -> None:
    rows = [row("a", "m", 0, 30.0, train_seconds=2.0), row("a", "m", 1, 30.0, train_seconds=4.0)]
    (line,) = costs(results(rows)).rows
    assert line == ["m", "10", "40", "6 steps", "3.0", "6", "2.2", "0.1"]


def test_shapes_have_neither_views_nor_seconds_of_one() -> None:
    shape = row(
        "a", "m", 0, 0.0, metrics={"iou": 0.9, "chamfer": 1e-3, "normal_error": 2.0},
        views=None, every=None, background=None, resolution=None, seconds_per_view=None,
    )  # fmt: skip
    found = results([shape])
    assert found.metrics() == ["iou", "chamfer", "normal_error"]
    assert means(found) == [["m", "0.9000", "1.00e-03", "2.00", "1"]]
    assert costs(found).rows[0][-1] == "–"


def test_text_is_text_in_html_and_in_markdown() -> None:
    table = missing(results([], problems=[Problem("<a>", "", None, "x | y")]))
    assert "&lt;a&gt;" in html(table) and "<a>" not in html(table)
    assert markdown(table).splitlines()[-1] == "| <a> | all | all | x / y |"
