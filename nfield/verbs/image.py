"""Evaluating and rendering images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nfield.evaluate.lpips import LPIPS
from nfield.evaluate.pictures import evaluate_picture
from nfield.evaluate.protocol import Judged, to_uint8
from nfield.export.image import write_image
from nfield.verbs.fitted import Fitted
from nfield.verbs.raster import checked_size, frame


def evaluate(
    run: Fitted,
    *,
    lpips_weights: LPIPS | None = None,
    watch: Callable[[Judged], None] | None = None,
) -> dict[str, Any]:
    """Judge the image, see `nfield.evaluate.pictures.evaluate_picture`."""
    return evaluate_picture(
        run.data,
        lambda _: frame(run.model, run.data.pixels.shape).numpy(),
        lpips=lpips_weights,
        watch=watch,
    )


def render(
    run: Fitted,
    out: Path | None,
    *,
    size: tuple[int, int] | None = None,
    watch: Callable[[int], None] = lambda total: None,
) -> Path:
    """Write the image as the field has it to a PNG file, of any size."""
    height, width = run.data.pixels.shape
    if size is not None:
        width, height = checked_size(size)
    out = out or run.renders / f"{width}x{height}.png"
    write_image(out, to_uint8(frame(run.model, (height, width)).numpy()))
    watch(1)
    return out
