"""The report: it stands alone, says what is missing, and shows pictures where they are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from nfield.bench.pictures import sheets, worst_part
from nfield.bench.plan import Problem
from nfield.bench.report import write_report
from nfield.bench.results import Results, read_results, write_results
from nfield.bench.suite import Published
from nfield.evaluate.protocol import Judged
from nfield.export.image import write_image
from tests.bench.small import results, row

THEIRS = Published("Theirs", "A paper", "800x800", None, None, (), {"psnr": {"a": 35.0}})


@pytest.fixture
def made(tmp_path: Path) -> Results:
    """Results of two methods whose run folders have logs and pictures."""
    rows = []
    for i, method in enumerate(("one", "two")):
        shown = {"name": "r_1", "psnr": 30.0, "ssim": 0.9}
        rows.append(row("a", method, 0, 30.0 + i, shown=shown, bytes=4000 * 10**i))
        folder = tmp_path / rows[-1].run
        truth = np.full((40, 60, 3), 100, np.uint8)
        prediction = truth.copy()
        prediction[30:34, 45:50] = 200
        for name, image in (("truth", truth), ("prediction", prediction)):
            write_image(folder / "eval" / f"{name}.png", image)
        records = [{"step": s, "seconds": 0.1 * s, "psnr": 20.0 + s} for s in range(1, 6)]
        (folder / "log.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    problem = Problem("a", "three", 1, "it must not <fail>")
    return results(rows, published=[THEIRS], problems=[problem])


def test_the_page_stands_alone_and_says_all(made: Results, tmp_path: Path) -> None:
    page = write_report(made, tmp_path).read_text()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert loaded and all(place.startswith("data:image/png;base64,") for place in loaded)
    assert "url(" not in page and "@import" not in page
    for text in ("Theirs [1]", "other resolution: theirs 800x800, ours 32x32", "it must not &lt;"):
        assert text in page
    assert page.count("<svg ") == 2  # over time, over size
    assert page.count("<img ") == 2  # whole, in part


def test_markdown_says_the_same(made: Results, tmp_path: Path) -> None:
    write_report(made, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "| one | 30.00 |" in text and "| *Theirs [1][2]* | *35.00* |" in text
    assert "[1] published: A paper" in text and "it must not <fail>" in text


def test_equal_results_give_an_equal_report(made: Results, tmp_path: Path) -> None:
    write_results(made, tmp_path)
    first = write_report(made, tmp_path).read_bytes()
    again = read_results(tmp_path)
    assert again == made
    assert write_report(again, tmp_path).read_bytes() == first


def test_without_runs_the_tables_remain(made: Results, tmp_path: Path) -> None:
    page = write_report(made, tmp_path / "elsewhere").read_text()
    assert "<img " not in page and "30.00" in page


def test_without_any_job_the_reasons_remain(tmp_path: Path) -> None:
    found = results([], problems=[Problem("a", "", None, "data must be there")])
    assert "data must be there" in write_report(found, tmp_path).read_text()


def test_the_part_shown_is_the_worst(made: Results, tmp_path: Path) -> None:
    truth = np.zeros((50, 100, 3), np.uint8)
    off = truth.copy()
    off[20:30, 60:80] = 90
    judged = [Judged(1, 1, 0, {}, truth, image) for image in (truth, off)]
    rows, columns = worst_part(judged)
    assert (rows, columns) == (slice(20, 30), slice(60, 80))
    assert list(sheets(made, "a", tmp_path)) == [
        "a, view r_1",
        "a, view r_1: where the methods err most",
    ]
