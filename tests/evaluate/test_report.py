"""The report: one page, complete, offline, and safe against what names contain."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from nfield.errors import InputError
from nfield.evaluate import report
from nfield.evaluate.report import write_report

VOID = {"meta", "img", "br", "input", "link", "hr"}
CONFIG = {"data": "scene", "field": "ngp", "train": {"samples": 32768}, "max_steps": None}


class Page(HTMLParser):
    """Tags with their attributes, all text, and whether every tag is closed."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def sources(self) -> list[str]:
        return [v for _, attrs in self.tags for k, v in attrs.items() if k in ("src", "href")]


@pytest.fixture
def metrics() -> dict:
    names = [f"test/r_{i}" for i in range(3)]
    rows = [{"name": n, "psnr": 31.234, "ssim": 0.9, "lpips": None, "seconds": 0.5} for n in names]
    return {
        "protocol": "nfield-nvs-1",
        "split": "test",
        "every": 20,
        "resolution": "200x200",
        "background": [1.0, 1.0, 1.0],
        "mean": {"psnr": 31.234, "ssim": 0.95678, "lpips": None},
        "lpips_reason": "no weights given: --lpips-weights",
        "seconds_per_view_median": 0.5,
        "train_seconds": 60.04,
        "views": rows,
    }


def test_page_holds_figures_protocol_configuration_and_pictures(tmp_path, metrics):
    sheet = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    records = [{"step": i, "seconds": i, "psnr": 20.0 + i} for i in range(5)]
    path = write_report(
        tmp_path,
        config=CONFIG,
        metrics=metrics,
        records=records,
        sheet=sheet,
        pictures={"depth, near is light": sheet[::-1]},
    )
    assert path == tmp_path / "report.html"
    page = Page(path.read_text(encoding="utf-8"))
    assert not page.open
    text = " ".join(page.text)
    for fact in ("31.23 dB", "0.9568", "no weights given: --lpips-weights", "60.0 s", "test/r_2"):
        assert fact in text
    assert "Protocol nfield-nvs-1: test split, views 0, 20, 40, … (3), 200x200 pixels" in text
    assert "train.samples" in text
    assert "max_steps" not in text  # None is not a setting
    pictures = [s.partition("base64,")[2] for s in page.sources() if s.startswith("data:image/png")]
    decoded = [np.asarray(Image.open(io.BytesIO(base64.b64decode(p)))) for p in pictures]
    assert (decoded[0] == sheet).all()
    assert (decoded[1] == sheet[::-1]).all()


def test_page_needs_no_network_and_no_script(tmp_path, metrics):
    (tmp_path / "orbit.mp4").write_bytes(b"mp4")
    path = write_report(tmp_path, config=CONFIG, metrics=metrics, video=tmp_path / "orbit.mp4")
    text = path.read_text(encoding="utf-8")
    assert all(source.startswith("data:") for source in Page(text).sources())
    assert "<script" not in text
    assert re.findall(r"https?://[^\"']+", text) == ["http://www.w3.org/2000/svg"]
    assert base64.b64encode(b"mp4").decode() in text


def test_large_video_is_linked_relative_to_the_page(tmp_path, metrics, monkeypatch):
    monkeypatch.setattr(report, "EMBEDDED_VIDEO", 2)
    video = tmp_path / "renders" / "or bit.mp4"
    video.parent.mkdir()
    video.write_bytes(b"mp4")
    path = write_report(tmp_path, config=CONFIG, metrics=metrics, video=video)
    assert Page(path.read_text(encoding="utf-8")).sources() == ["renders/or%20bit.mp4"]


def test_names_cannot_become_markup(tmp_path, metrics):
    evil = '"><script>alert(1)</script>&'
    metrics["views"][0]["name"] = evil
    metrics |= {"scene": evil, "field": evil, "protocol": evil, "lpips_reason": evil}
    pixel = np.zeros((1, 1, 3), np.uint8)
    path = write_report(
        tmp_path, config={evil: {evil: evil}}, metrics=metrics, pictures={evil: pixel}
    )
    page = Page(path.read_text(encoding="utf-8"))
    assert "script" not in {tag for tag, _ in page.tags}
    assert sum(text.count(evil) for text in page.text) >= 6


def test_absent_values_are_dashes(tmp_path, metrics):
    del metrics["train_seconds"]
    text = " ".join(
        Page(write_report(tmp_path, config={}, metrics=metrics).read_text("utf-8")).text
    )
    assert "–" in text
    assert "None" not in text


def test_missing_video_is_refused_and_nothing_written(tmp_path, metrics):
    with pytest.raises(InputError, match=r"orbit\.mp4: video must be a file, got none; render it"):
        write_report(tmp_path, config=CONFIG, metrics=metrics, video=tmp_path / "orbit.mp4")
    assert not (tmp_path / "report.html").exists()
