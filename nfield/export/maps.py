"""Maps of depth and normals, as EXR or 16-bit PNG, with the cameras that see them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nfield.errors import InputError
from nfield.export.cameras import frames_of, write_json
from nfield.extras import require
from nfield.fields.model import Image
from nfield.files import replacing
from nfield.render.cameras import Cameras

FORMATS = ("exr", "png")
QUANTITIES = ("depth", "normals")
_FULL = 65535
_ABOUT = {
    "depth": "distance along the ray in the input's units, not along the optical axis",
    "normals": "unit vectors in the input's frame, towards the camera",
}
_RULE = {
    ("depth", "exr"): "Z; infinite where nothing is hit",
    ("depth", "png"): "depth = value * scale; 0 where nothing is hit",
    ("normals", "exr"): "R G B are x y z; 0 0 0 where nothing is hit",
    ("normals", "png"): "n = value * 2 / 65535 - 1; 0 0 0 where nothing is hit",
}


def write_maps(
    out: Path,
    cameras: Cameras,
    render: Callable[[int], Image],
    *,
    what: str,
    format: str = "exr",
    watch: Callable[[int], None] = lambda total: None,
) -> None:
    """Write 0000.exr, 0001.exr, ... or .png, and transforms.json with each map's camera.

    What a value means is said in transforms.json, for depth as PNG with each frame's `scale`.

    Args:
        render: Number of a camera -> its view; with normals where these are wanted.
        what: `depth` or `normals`.
        format: `exr`, 32-bit floats, or `png`, 16 bits.
        watch: Called after each map with the number of all.

    Raises:
        InputError: an unknown format, `out` is no folder, a place that cannot be written to, or
            the extra `maps` is not installed.
    """
    if format not in FORMATS:
        raise InputError(f"--format: must be one of {', '.join(FORMATS)}, got {format!r}")
    if out.suffix or (out.exists() and not out.is_dir()):
        raise InputError(f"{out}: --out must be a folder for maps, got a file; rename it")
    frames = frames_of(cameras)
    for index, frame in enumerate(frames):
        image, name = render(index), f"{index:04d}.{format}"
        if what == "depth":
            frame |= _write_depth(out / name, image.depth.numpy())
        else:
            assert image.normal is not None  # the caller asks for them
            _write_normals(out / name, image.normal.numpy())
        frame["file_path"] = name
        watch(len(frames))
    about = {what: _ABOUT[what], "value": _RULE[what, format]}
    write_json(out / "transforms.json", {**about, "frames": frames})


def _write_depth(path: Path, depth: NDArray[np.float32]) -> dict[str, float]:
    if path.suffix == ".exr":
        _write_exr(path, {"Z": depth})
        return {}
    hit = np.isfinite(depth)
    scale = float(np.max(depth, where=hit, initial=0.0)) / _FULL or 1.0
    value = np.where(hit, np.maximum(np.rint(np.where(hit, depth, 0) / scale), 1), 0)
    _write_png(path, value.astype(np.uint16), grey=True)
    return {"scale": scale}


def _write_normals(path: Path, normal: NDArray[np.float32]) -> None:
    if path.suffix == ".exr":
        _write_exr(path, {name: normal[..., i] for i, name in enumerate("RGB")})
        return
    value = np.rint((normal.clip(-1, 1) + 1) / 2 * _FULL)
    value[(normal == 0).all(-1)] = 0
    _write_png(path, value.astype(np.uint16).reshape(len(value), -1), grey=False)


def _write_exr(path: Path, channels: dict[str, NDArray[Any]]) -> None:
    exr = require("OpenEXR", "maps", f"{path}: writing EXR")
    header = {"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage}
    whole = {name: np.ascontiguousarray(value, np.float32) for name, value in channels.items()}
    with replacing(path) as temporary:
        exr.File(header, whole).write(str(temporary))


def _write_png(path: Path, rows: NDArray[np.uint16], *, grey: bool) -> None:
    png = require("png", "maps", f"{path}: writing 16-bit PNG")
    height, values = rows.shape
    writer = png.Writer(values if grey else values // 3, height, greyscale=grey, bitdepth=16)
    with replacing(path) as temporary, temporary.open("wb") as file:
        writer.write_packed(file, (row.tobytes() for row in rows.astype(">u2")))
