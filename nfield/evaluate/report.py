"""The report of a run: one HTML page that opens without a network."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nfield.errors import InputError
from nfield.evaluate.curve import psnr_curve
from nfield.files import replacing

EMBEDDED_VIDEO = 8 * 2**20  # bytes up to which a video goes into the page
_LISTED = 12  # views up to which the table starts open
_STYLE = """
:root { color-scheme: light dark; --paper: #fbfbfc; --card: #fff; --ink: #1c1e22; --faint: #6a6e78;
  --line: #e4e5ea; }
@media (prefers-color-scheme: dark) { :root { --paper: #15161a; --card: #1d1f25; --ink: #e8e9ee;
  --faint: #989da9; --line: #31343d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 1060px; background: var(--paper);
  color: var(--ink); font: 15px/1.55 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.7rem; letter-spacing: -.01em; }
h2 { margin: 2.6rem 0 .8rem; font-size: 1.1rem; }
p { margin: .4rem 0; color: var(--faint); }
figure { margin: 0; }
figcaption { margin-top: .4rem; color: var(--faint); font-size: .87rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: .8rem;
  margin-top: 1.6rem; }
.figures div, .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: .9rem 1rem; }
.figures b { display: block; font-size: 1.3rem; font-weight: 600; }
.figures span { color: var(--faint); font-size: .87rem; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr)); gap: 1rem; }
img, video, svg { display: block; max-width: 100%; height: auto; border-radius: 6px; }
img, video { margin: 0 auto; }
svg { width: 100%; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child, .config td { text-align: left; }
th { color: var(--faint); font-weight: 500; }
code { font: .87em ui-monospace, monospace; overflow-wrap: anywhere; }
summary { cursor: pointer; color: var(--faint); }
"""


def write_report(
    run_path: str | Path,
    *,
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
    records: Sequence[Mapping[str, Any]] = (),
    sheet: NDArray[np.uint8] | None = None,
    pictures: Mapping[str, NDArray[np.uint8]] | None = None,
    video: str | Path | None = None,
) -> Path:
    """Write RUN/report.html and return its path.

    Pictures are inside the page, and so is a video of at most 8 MiB; a larger one is linked by
    its path relative to the run.

    Args:
        config: The resolved configuration; sections may be nested.
        metrics: What ``RUN/eval/metrics.json`` holds, see `evaluate_views`.
        records: The training log; the evaluation of `metrics` is added to its curve.
        sheet: A contact sheet, ``(H, W, 3)`` uint8.
        pictures: Further pictures by caption, such as depth and normals.

    Raises:
        InputError: the video is missing, or the run folder is not writable.
    """
    run = Path(run_path)
    name = str(metrics.get("scene") or config.get("data") or run.name)
    field = str(metrics.get("field") or config.get("field") or "field")
    final = {"seconds": metrics.get("train_seconds"), "psnr": metrics["mean"]["psnr"], "split": ""}
    parts = [
        f"<header><h1>{escape(name)} · {escape(field)}</h1>"
        f"<p>{escape(_protocol(metrics))}</p></header>",
        _figures(metrics),
    ]
    if sheet is not None:
        parts.append(_section("Held-out views", _card(_image(sheet, "contact sheet"))))
    if video is not None:
        parts.append(_section("Video", _card(_video(Path(video), run))))
    if pictures:
        parts.append(_section("Pictures", _pictures(pictures)))
    parts += [
        _section("PSNR over time", _card(psnr_curve([*records, final]))),
        _section("Views", _card(_views(metrics["views"]))),
        _section("Configuration", _card(_config(config, metrics))),
    ]
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(name)} · {escape(field)} · nfield</title><style>{_STYLE}</style></head>\n"
        f"<body>{''.join(parts)}</body></html>\n"
    )
    with replacing(run / "report.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
    return run / "report.html"


def _protocol(metrics: Mapping[str, Any]) -> str:
    every = metrics["every"]
    chosen = "every view" if every == 1 else f"views 0, {every}, {2 * every}, …"
    return (
        f"Protocol {metrics['protocol']}: {metrics['split']} split, {chosen} "
        f"({len(metrics['views'])}), {metrics['resolution']} pixels, background "
        f"({', '.join(f'{value:g}' for value in metrics['background'])}), 8-bit sRGB, "
        "mean of per-image values."
    )


def _figures(metrics: Mapping[str, Any]) -> str:
    mean = metrics["mean"]
    cells = [
        ("PSNR", _number(mean["psnr"], ".2f", " dB")),
        ("SSIM", _number(mean["ssim"], ".4f")),
        ("LPIPS" if mean["lpips"] is not None else "LPIPS: " + str(metrics["lpips_reason"]),
         _number(mean["lpips"], ".4f")),
        ("training", _number(metrics.get("train_seconds"), ".1f", " s")),
        ("a view, median", _number(metrics.get("seconds_per_view_median"), ".3g", " s")),
        ("parameters", _number(metrics.get("parameters"), ",")),
        ("their bytes", _number(metrics.get("bytes"), ",")),
    ]  # fmt: skip
    boxes = (
        f"<div><b>{escape(value)}</b><span>{escape(label)}</span></div>" for label, value in cells
    )
    return f'<div class="figures">{"".join(boxes)}</div>'


def _views(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = (
        f"<tr><td>{escape(str(row['name']))}</td><td>{_number(row['psnr'], '.2f')}</td>"
        f"<td>{_number(row['ssim'], '.4f')}</td><td>{_number(row['lpips'], '.4f')}</td>"
        f"<td>{_number(row['seconds'], '.3f')}</td></tr>"
        for row in rows
    )
    head = "<th>view</th><th>PSNR, dB</th><th>SSIM</th><th>LPIPS</th><th>seconds</th>"
    state = " open" if len(rows) <= _LISTED else ""
    return (
        f"<details{state}><summary>{len(rows)} views</summary>"
        f"<table><tr>{head}</tr>{''.join(lines)}</table></details>"
    )


def _config(config: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    rows = dict(_flat(config))
    for key in ("device", "step", "checkpoint_sha256"):
        if metrics.get(key) is not None:
            rows.setdefault(key, metrics[key])
    lines = (
        f"<tr><td><code>{escape(key)}</code></td><td><code>{escape(str(value))}</code></td></tr>"
        for key, value in rows.items()
        if value is not None
    )
    return f'<table class="config">{"".join(lines)}</table>'


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _pictures(pictures: Mapping[str, NDArray[np.uint8]]) -> str:
    cards = (
        f'<figure class="card">{_image(image, caption)}'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for caption, image in pictures.items()
    )
    return f'<div class="pictures">{"".join(cards)}</div>'


def _video(video: Path, run: Path) -> str:
    if not video.is_file():
        raise InputError(f"{video}: video must be a file, got none; render it first")
    if video.stat().st_size <= EMBEDDED_VIDEO:
        source = f"data:video/mp4;base64,{base64.b64encode(video.read_bytes()).decode()}"
    else:
        source = quote(Path(os.path.relpath(video, run)).as_posix())
    return f'<video controls loop muted playsinline src="{escape(source)}"></video>'


def _image(image: NDArray[np.uint8], caption: str) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{escape(caption)}" src="data:image/png;base64,{data}">'


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _card(body: str) -> str:
    return f'<div class="card">{body}</div>'


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "–" if value is None else f"{value:{form}}{unit}"
