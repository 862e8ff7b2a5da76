"""Contact sheet: ground truth beside prediction beside error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from nfield.evaluate.protocol import Judged
from nfield.render.colormap import colorize

ERROR_LIMIT = 0.1  # mean absolute difference over R, G, B that the error map shows brightest
CELL = 320  # longer side of a picture in the sheet, pixels
_GAP, _LINE, _TEXT = 8, 24, 14
_PAPER, _INK, _FAINT = (255, 255, 255), (28, 30, 34), (110, 114, 122)


def error_map(prediction: NDArray[np.uint8], truth: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colours of the absolute difference, mean over channels, from 0 to `ERROR_LIMIT`.

    Shape
        prediction, truth ``(H, W, 3)`` uint8 -> ``(H, W, 3)`` uint8
    """
    difference = np.abs(prediction.astype(np.int16) - truth).mean(-1) / 255.0
    return colorize(difference / ERROR_LIMIT)


def contact_sheet(
    judged: Sequence[Judged], titles: tuple[str, str] = ("ground truth", "prediction")
) -> NDArray[np.uint8]:
    """One row a view: ground truth, prediction, error map, under the view's name and scores.

    Pictures longer than `CELL` are shrunk to it; those at most half as long are enlarged by a
    whole factor, every pixel a square.

    Shape
        V views -> ``(H, W, 3)`` uint8
    Raises
        ValueError: no view.
    """
    if not judged:
        raise ValueError("contact_sheet: judged must have at least one view, got none")
    rows = [[_fitted(image) for image in _pictures(one)] for one in judged]
    width = max(row[0].width for row in rows)
    height = sum(_LINE + row[0].height + _GAP for row in rows)
    sheet = Image.new("RGB", (3 * width + 4 * _GAP, _LINE + height + 2 * _LINE), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_TEXT)
    lefts = [_GAP + column * (width + _GAP) for column in range(3)]
    for left, title in zip(lefts, (*titles, "error, mean of RGB"), strict=True):
        draw.text((left, _LINE // 2), title, _INK, font, anchor="lm")
    top = _LINE
    for one, row in zip(judged, rows, strict=True):
        draw.text((_GAP, top + _LINE // 2), _caption(one), _FAINT, font, anchor="lm")
        top += _LINE
        for left, picture in zip(lefts, row, strict=True):
            sheet.paste(picture, (left, top))
        top += row[0].height + _GAP
    _scale(sheet, draw, (lefts[2], top), width)
    return np.asarray(sheet)


def _pictures(one: Judged) -> tuple[NDArray[np.uint8], ...]:
    return one.truth, one.prediction, error_map(one.prediction, one.truth)


def _fitted(image: NDArray[np.uint8]) -> Image.Image:
    picture = Image.fromarray(image)
    side = max(picture.size)
    if side > CELL:
        size = [max(1, round(length * CELL / side)) for length in picture.size]
        return picture.resize((size[0], size[1]), Image.Resampling.LANCZOS)
    factor = CELL // side
    size = [length * factor for length in picture.size]
    return picture.resize((size[0], size[1]), Image.Resampling.NEAREST)


def _caption(one: Judged) -> str:
    return f"{one.row['name']}   {one.row['psnr']:.2f} dB   SSIM {one.row['ssim']:.3f}"


def _scale(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, corner: tuple[int, int], width: int
) -> None:
    left, top = corner
    ramp = colorize(np.tile(np.linspace(0.0, 1.0, width), (_LINE // 2, 1)))
    sheet.paste(Image.fromarray(ramp), (left, top))
    font = ImageFont.load_default(_TEXT)
    line = top + _LINE
    draw.text((left, line), "0", _FAINT, font, anchor="lm")
    draw.text((left + width, line), f"{ERROR_LIMIT:g}", _FAINT, font, anchor="rm")
