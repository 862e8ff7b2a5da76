"""Conversion: any dataset as a folder of its own in nerfstudio's format, images copied.

Source: nerfstudio, "Data conventions". What `nfield.data.entries` reads back is the same to the
last digit: poses, intrinsics, distortion, times, masks, splits and their order.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nfield.data.capture import Capture
from nfield.data.entries import flip_axes
from nfield.data.frames import Frame
from nfield.data.load import BUILTIN, read_capture
from nfield.data.transforms import SPLITS
from nfield.errors import InputError
from nfield.files import unwritable

_MODELS = {"opencv": "OPENCV", "fisheye": "OPENCV_FISHEYE"}
_INTRINSICS = ("fl_x", "fl_y", "cx", "cy")
_DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")
# nerfstudio takes all of a group from the document as soon as one of it stands there.
_GROUPS = (("camera_model",), ("w",), ("h",), *((key,) for key in _INTRINSICS), _DISTORTION)


def convert(
    source: str,
    out: str,
    *,
    downscale: int = 1,
    watch: Callable[[int], None] = lambda total: None,
) -> dict[str, Any]:
    """Write a dataset as `transforms.json` with copies of its images and masks.

    Args:
        source: A dataset that `nfield.data.load.read_capture` reads.
        out: A new or empty folder.
        downscale: Takes the smaller images that a dataset stores.
        watch: Called after each frame with the total number.

    Returns:
        `out`, `format` of the source, number of frames of each split, `notes`.

    Raises:
        InputError: as `read_capture`; no images are stored at that size; `out` is not empty or
            cannot be written to.
    """
    if source.startswith(BUILTIN):
        raise InputError(
            f"{source}: a dataset must lie in a folder to be converted, got a built-in scene"
        )
    capture = read_capture(Path(source), downscale=downscale)
    if capture.downscale != 1:
        raise InputError(
            f"downscale: images of that size must be stored, got {downscale} and no "
            f"{capture.folder / f'images_{downscale}'}; convert them at full size"
        )
    folder = Path(out).absolute()
    _require_empty(folder)
    _write(capture, folder, watch)
    return {
        "out": str(folder),
        "format": capture.format,
        **{split: len(chosen) for split, chosen in capture.splits.items()},
        "notes": list(capture.notes),
    }


def _write(capture: Capture, folder: Path, watch: Callable[[int], None]) -> None:
    """Write beside the folder first, so that it appears whole or not at all."""
    frames = [frame for chosen in capture.splits.values() for frame in chosen]
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    entries = []
    try:
        for frame in frames:
            entries.append(_copy(frame, partial))
            watch(len(frames))
        document = json.dumps(_document(capture, entries), indent=1, allow_nan=False)
        (partial / "transforms.json").write_text(document + "\n", encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except OSError as error:
        raise unwritable(folder, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _require_empty(folder: Path) -> None:
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(
            f"{folder}: must be a new or empty folder, got one with files; choose another"
        )


def _copy(frame: Frame, folder: Path) -> dict[str, Any]:
    """Copy the files of a frame, and return its entry with all that a camera has."""
    bottom = np.array([[0.0, 0.0, 0.0, 1.0]])
    pose = np.concatenate([flip_axes(frame.camera_to_world), bottom])
    entry: dict[str, Any] = {"file_path": _copied(frame.image, folder, frame.name)}
    if frame.mask is not None:
        entry["mask_path"] = _copied(frame.mask, folder, f"masks/{frame.name}")
    if frame.time is not None:
        entry["time"] = frame.time
    return {
        **entry,
        "transform_matrix": pose.tolist(),
        "camera_model": _MODELS[frame.lens.kind],
        "w": frame.header.width,
        "h": frame.header.height,
        **dict(zip(_INTRINSICS, frame.lens.intrinsics)),
        **dict(zip(_DISTORTION, frame.lens.distortion)),
    }


def _copied(file: Path, folder: Path, name: str) -> str:
    """Copy a file to a name without suffix; its path in the folder."""
    place = f"{name}{file.suffix}"
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, folder / place)
    return place


def _document(capture: Capture, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """The document, in which what all frames share stands once."""
    document: dict[str, Any] = {}
    for group in _GROUPS:
        if all(entry[key] == entries[0][key] for entry in entries for key in group):
            document |= {key: entries[0][key] for key in group}
            for entry in entries[1:]:
                for key in group:
                    del entry[key]
    for key in document:
        del entries[0][key]
    if capture.box is not None:
        document["aabb"] = capture.box.tolist()
    start = 0
    for split, chosen in capture.splits.items():
        listed = entries[start : start + len(chosen)]
        document[SPLITS[split]] = [entry["file_path"] for entry in listed]
        start += len(chosen)
    return {**document, "frames": entries}
