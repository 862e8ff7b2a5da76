"""The report's pictures: every method's view of a scene beside the truth, whole and in part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nfield.bench.results import Results, Row
from nfield.evaluate.protocol import Judged
from nfield.evaluate.sheet import contact_sheet

CROP = 5  # a crop's sides are the image's over this


def sheets(results: Results, scene: str, out: Path) -> dict[str, NDArray[np.uint8]]:
    """Contact sheets by caption: whole views, and the part where the methods err most.

    Of each method the first seed's view; those whose pictures are gone are left out.
    """
    judged = [one for method in results.methods for one in _kept(results.of(scene, method), out)]
    if not judged:
        return {}
    same = [one for one in judged if one.truth.shape == judged[0].truth.shape]
    part = worst_part(same)
    crops = [replace(one, truth=one.truth[part], prediction=one.prediction[part]) for one in same]
    name = judged[0].row["view"]
    return {
        f"{scene}, view {name}": contact_sheet(same),
        f"{scene}, view {name}: where the methods err most": contact_sheet(crops),
    }


def worst_part(judged: list[Judged]) -> tuple[slice, slice]:
    """Rows and columns of the part of the image with the greatest mean error over all methods."""
    truth = judged[0].truth.astype(np.float64)
    error = np.mean([np.square(one.prediction - truth).mean(-1) for one in judged], axis=0)
    height, width = (max(1, side // CROP) for side in error.shape)
    total = np.zeros((error.shape[0] + 1, error.shape[1] + 1))
    total[1:, 1:] = error.cumsum(0).cumsum(1)
    sums = (
        total[height:, width:]
        - total[:-height, width:]
        - total[height:, :-width]
        + total[:-height, :-width]
    )
    top, left = np.unravel_index(int(sums.argmax()), sums.shape)
    return slice(int(top), int(top) + height), slice(int(left), int(left) + width)


def _kept(rows: list[Row], out: Path) -> list[Judged]:
    """The first seed's view, named after its method."""
    if not rows or rows[0].shown is None:
        return []
    row, shown = rows[0], rows[0].shown
    folder = out / row.run / "eval"
    try:
        truth, prediction = (_read(folder / f"{name}.png") for name in ("truth", "prediction"))
    except OSError:
        return []
    scores = {**shown, "view": shown["name"], "name": row.method}
    return [Judged(1, 1, 0, scores, truth, prediction)]


def _read(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
