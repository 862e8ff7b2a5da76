"""A page that opens without a network: its style, its parts, and writing it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nfield.files import replacing

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
.card + .card { margin-top: 1rem; }
.wide { overflow-x: auto; }
.published td { color: var(--faint); font-style: italic; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1rem; font-size: .87rem; }
.legend i { display: inline-block; width: .7em; height: .7em; margin-right: .4em;
  border-radius: 50%; }
summary { cursor: pointer; color: var(--faint); }
"""


def write_page(path: Path, title: str, about: str, parts: Iterable[str]) -> Path:
    """Write a page of parts under a title and a line about it; returns its path.

    Raises:
        InputError: the place cannot be written to.
    """
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · nfield</title><style>{_STYLE}</style></head>\n"
        f"<body><header><h1>{escape(title)}</h1><p>{escape(about)}</p></header>"
        f"{''.join(parts)}</body></html>\n"
    )
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def section(title: str, body: str) -> str:
    """A part with its heading."""
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def card(body: str) -> str:
    """A box."""
    return f'<div class="card">{body}</div>'


def figures(cells: Iterable[tuple[str, str]]) -> str:
    """Boxes of (label, value)."""
    boxes = (
        f"<div><b>{escape(value)}</b><span>{escape(label)}</span></div>" for label, value in cells
    )
    return f'<div class="figures">{"".join(boxes)}</div>'


def pictures(images: Mapping[str, NDArray[np.uint8]]) -> str:
    """Images by caption."""
    cards = (
        f'<figure class="card">{image(picture, caption)}'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for caption, picture in images.items()
    )
    return f'<div class="pictures">{"".join(cards)}</div>'


def image(picture: NDArray[np.uint8], caption: str) -> str:
    """An image ``(H, W, 3)`` inside the page."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{escape(caption)}" src="data:image/png;base64,{data}">'


def number(value: float | None, form: str, unit: str = "") -> str:
    """A value as text, a dash where there is none."""
    return "–" if value is None else f"{value:{form}}{unit}"
