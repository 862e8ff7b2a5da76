"""Pictures of colour, depth and normals as PNG files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL.PngImagePlugin import PngInfo

from nfield.errors import InputError
from nfield.files import replacing
from nfield.render.colormap import colorize

_OPAQUE = 0.5  # opacity from which a pixel has a depth or a normal to show


def write_image(path: str | Path, image: NDArray[np.uint8]) -> None:
    """Write ``(H, W, C)`` uint8 as PNG, whole or not at all: grey, RGB or RGBA for C = 1, 3, 4.

    Raises:
        InputError: the name does not end in .png, or the place is not writable.
        ValueError: another shape or dtype.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3, 4):
        raise ValueError(
            f"write_image: image must be (H, W, 1, 3 or 4) uint8, got {image.shape} {image.dtype}"
        )
    flat = image[..., 0] if image.shape[2] == 1 else image
    _write(Path(path), Picture.fromarray(np.ascontiguousarray(flat)), PngInfo())


def write_depth(
    path: str | Path, depth: NDArray[Any], opacity: NDArray[Any] | None = None, *, far: float
) -> None:
    """Write depth as a 16-bit grey PNG, whole or not at all.

    Formula
        value = round(65535 depth / far), at least 1; 0 where nothing is hit. The text chunk
        ``far`` of the file repeats `far`, so depth = value far / 65535.
    Shape
        depth, opacity as in `depth_range`
    Units
        depth and `far` in world units; deeper values are cut at `far`
    Raises
        InputError: `far` is not positive, the name does not end in .png, or the place is not
            writable.
    """
    if not 0.0 < far < np.inf:
        raise InputError(f"{path}: far must be positive, got {far}")
    hit = _hit(depth, opacity)
    scaled = np.clip(np.where(hit, depth, 0.0) / far, 0.0, 1.0) * 65535.0
    values = np.where(hit, np.maximum(np.floor(scaled + 0.5), 1.0), 0.0).astype(np.uint16)
    notes = PngInfo()
    notes.add_text("far", repr(float(far)))
    _write(Path(path), Picture.fromarray(values), notes)


def depth_range(depth: NDArray[Any], opacity: NDArray[Any] | None = None) -> tuple[float, float]:
    """Near and far that hold 98 % of the hit pixels; (0, 1) where nothing is hit.

    Shape
        depth ``(H, W)`` in world units, a pixel that is not finite or not positive hits nothing;
        opacity ``(H, W)``, a pixel below 1/2 hits nothing
    """
    hit = _hit(depth, opacity)
    if not hit.any():
        return 0.0, 1.0
    near, far = np.percentile(depth[hit], [1.0, 99.0])
    return float(near), float(far)


def depth_colors(
    depth: NDArray[Any],
    opacity: NDArray[Any] | None = None,
    *,
    limits: tuple[float, float] | None = None,
) -> NDArray[np.uint8]:
    """Colours of a depth map, light near and dark far, white where nothing is hit.

    Shape
        depth, opacity as in `depth_range` -> ``(H, W, 3)`` uint8
    Args
        limits: Near and far; a video passes the same for all frames. Default `depth_range`.
    """
    near, far = depth_range(depth, opacity) if limits is None else limits
    hit = _hit(depth, opacity)
    nearness = (far - np.where(hit, depth, far)) / max(far - near, 1e-12)
    colors = colorize(nearness)
    colors[~hit] = 255
    return colors


def normal_colors(normal: NDArray[Any], opacity: NDArray[Any] | None = None) -> NDArray[np.uint8]:
    """Colours (n + 1) / 2 of unit normals, white where there is none.

    Shape
        normal ``(H, W, 3)``, a zero or non-finite vector is none; opacity as in `depth_range`
        -> ``(H, W, 3)`` uint8
    """
    known = np.isfinite(normal).all(-1) & (np.abs(normal).max(-1) > 0.0)
    if opacity is not None:
        known &= opacity >= _OPAQUE
    half = np.clip((np.where(known[..., None], normal, 0.0) + 1.0) / 2.0, 0.0, 1.0)
    colors = np.floor(half * 255.0 + 0.5).astype(np.uint8)
    colors[~known] = 255
    return colors


def _hit(depth: NDArray[Any], opacity: NDArray[Any] | None) -> NDArray[np.bool_]:
    hit: NDArray[np.bool_] = np.isfinite(depth) & (depth > 0.0)
    return hit if opacity is None else hit & (opacity >= _OPAQUE)


def _write(path: Path, picture: Picture.Image, notes: PngInfo) -> None:
    if path.suffix.lower() != ".png":
        raise InputError(f"{path}: a picture's name must end in .png, got {path.suffix or 'none'}")
    with replacing(path) as temporary:
        picture.save(temporary, format="PNG", pnginfo=notes)
