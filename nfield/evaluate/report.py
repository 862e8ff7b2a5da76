"""The report of a run: one HTML page that opens without a network."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from nfield.errors import InputError
from nfield.evaluate import page
from nfield.evaluate.curve import psnr_curve
from nfield.evaluate.page import card, figures, image, number, section, write_page

EMBEDDED_VIDEO = 8 * 2**20  # bytes up to which a video goes into the page
_LISTED = 12  # views up to which the table starts open


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
    parts = [_figures(metrics)]
    if sheet is not None:
        parts.append(section("Held-out views", card(image(sheet, "contact sheet"))))
    if video is not None:
        parts.append(section("Video", card(_video(Path(video), run))))
    if pictures:
        parts.append(section("Pictures", page.pictures(pictures)))
    parts += [
        section("PSNR over time", card(psnr_curve([*records, final]))),
        section("Views", card(_views(metrics["views"]))),
        section("Configuration", card(configuration(config, metrics))),
    ]
    return write_page(run / "report.html", f"{name} · {field}", _protocol(metrics), parts)


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
        ("PSNR", number(mean["psnr"], ".2f", " dB")),
        ("SSIM", number(mean["ssim"], ".4f")),
        ("LPIPS" if mean["lpips"] is not None else "LPIPS: " + str(metrics["lpips_reason"]),
         number(mean["lpips"], ".4f")),
        ("training", number(metrics.get("train_seconds"), ".1f", " s")),
        ("a view, median", number(metrics.get("seconds_per_view_median"), ".3g", " s")),
        ("parameters", number(metrics.get("parameters"), ",")),
        ("their bytes", number(metrics.get("bytes"), ",")),
    ]  # fmt: skip
    return figures(cells)


def _views(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = (
        f"<tr><td>{escape(str(row['name']))}</td><td>{number(row['psnr'], '.2f')}</td>"
        f"<td>{number(row['ssim'], '.4f')}</td><td>{number(row['lpips'], '.4f')}</td>"
        f"<td>{number(row['seconds'], '.3f')}</td></tr>"
        for row in rows
    )
    head = "<th>view</th><th>PSNR, dB</th><th>SSIM</th><th>LPIPS</th><th>seconds</th>"
    state = " open" if len(rows) <= _LISTED else ""
    return (
        f"<details{state}><summary>{len(rows)} views</summary>"
        f"<table><tr>{head}</tr>{''.join(lines)}</table></details>"
    )


def configuration(config: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """A table of the resolved configuration, and of what `metrics` says the run is."""
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


def _video(video: Path, run: Path) -> str:
    if not video.is_file():
        raise InputError(f"{video}: video must be a file, got none; render it first")
    if video.stat().st_size <= EMBEDDED_VIDEO:
        source = f"data:video/mp4;base64,{base64.b64encode(video.read_bytes()).decode()}"
    else:
        source = quote(Path(os.path.relpath(video, run)).as_posix())
    return f'<video controls loop muted playsinline src="{escape(source)}"></video>'
