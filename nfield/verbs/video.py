"""Evaluating and rendering videos."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nfield.errors import InputError
from nfield.evaluate.lpips import LPIPS
from nfield.evaluate.pictures import evaluate_clip
from nfield.evaluate.protocol import Judged, to_uint8
from nfield.export.video import write_video
from nfield.verbs.fitted import Fitted
from nfield.verbs.raster import checked_size, frame

MAX_FRAMES = 100_000


def evaluate(
    run: Fitted,
    *,
    every: int = 1,
    lpips_weights: LPIPS | None = None,
    watch: Callable[[Judged], None] | None = None,
) -> dict[str, Any]:
    """Judge frames of the video, see `nfield.evaluate.pictures.evaluate_clip`."""
    shape = run.data.frames.shape
    return evaluate_clip(
        run.data,
        lambda index: frame(run.model, shape, index).numpy(),
        every=every,
        lpips=lpips_weights,
        watch=watch,
    )


def render(
    run: Fitted,
    out: Path | None,
    *,
    frames: int | None = None,
    size: tuple[int, int] | None = None,
    watch: Callable[[int], None] = lambda total: None,
) -> Path:
    """Write the video as the field has it, of any size and with any number of frames.

    It lasts as long as the original, whatever the number of frames.
    """
    count, height, width = run.data.frames.shape
    fps = run.data.fps
    if frames is not None:
        if not 1 <= frames <= MAX_FRAMES:
            raise InputError(f"--frames: number must be from 1 to {MAX_FRAMES}, got {frames}")
        fps, count = fps * frames / count, frames
    if size is not None:
        width, height = checked_size(size)
    out = out or run.renders / f"{width}x{height}.mp4"

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for index in range(count):
            yield to_uint8(frame(run.model, (count, height, width), index).numpy())
            watch(count)

    write_video(out, pictures(), fps=fps)
    return out
