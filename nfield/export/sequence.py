"""Rendered frames of a camera path, as a video or as a folder of pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nfield.errors import InputError
from nfield.export.image import depth_colors, depth_range, normal_colors, write_depth, write_image
from nfield.export.video import write_video
from nfield.fields.model import Image

QUANTITIES = ("rgb", "depth", "normal")


def write_sequence(
    out: str | Path,
    count: int,
    render: Callable[[int], Image],
    *,
    what: str = "rgb",
    watch: Callable[[], None] = lambda: None,
) -> None:
    """Render frames 0 .. count - 1 to `out`: FILE.mp4, or a folder of 0000.png, 0001.png, ...

    A folder's depth pictures hold the depth itself, see `write_depth`; a video's show it in
    colours whose limits the first frame that shows something sets.

    Args:
        what: `rgb`, `depth` or `normal`; for normals `render` must return them.
        watch: Called after each frame.

    Raises:
        InputError: an unknown `what`, or a place that cannot be written to.
    """
    out = Path(out)
    if what not in QUANTITIES:
        known = ", ".join(QUANTITIES)
        raise InputError(f"--what: quantity must be one of {known}, got {what!r}; choose one")
    if out.suffix.lower() == ".mp4":
        write_video(out, _frames(count, render, what, watch))
        return
    if out.suffix or (out.exists() and not out.is_dir()):
        raise InputError(f"{out}: --out must be FILE.mp4 or a folder, got another file; rename it")
    for index in range(count):
        image, path = render(index), out / f"{index:04d}.png"
        if what == "depth":
            depth, opacity = _array(image.depth), _array(image.opacity)
            far = float(np.max(depth, where=np.isfinite(depth), initial=0.0)) or 1.0
            write_depth(path, depth, opacity, far=far)
        else:
            write_image(path, _rgb(image) if what == "rgb" else _normals(image))
        watch()


def _frames(
    count: int, render: Callable[[int], Image], what: str, watch: Callable[[], None]
) -> Iterator[NDArray[np.uint8]]:
    limits: tuple[float, float] | None = None
    for index in range(count):
        image = render(index)
        if what == "depth":
            depth, opacity = _array(image.depth), _array(image.opacity)
            if limits is None and (np.isfinite(depth) & (opacity > 0)).any():
                limits = depth_range(depth, opacity)
            yield depth_colors(depth, opacity, limits=limits)
        else:
            yield _rgb(image) if what == "rgb" else _normals(image)
        watch()


def _rgb(image: Image) -> NDArray[np.uint8]:
    color: NDArray[np.float32] = _array(image.color)
    return np.floor(color.clip(0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def _normals(image: Image) -> NDArray[np.uint8]:
    if image.normal is None:
        raise ValueError("write_sequence: render must return normals, got None")
    return normal_colors(_array(image.normal), _array(image.opacity))


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return np.asarray(tensor.detach().cpu())
