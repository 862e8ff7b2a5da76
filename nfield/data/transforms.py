"""transforms.json of instant-ngp and nerfstudio."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nfield.data.capture import Capture
from nfield.data.document import Document, read_document
from nfield.data.entries import read_frames
from nfield.data.frames import Frame, hold_out
from nfield.data.pose import LARGEST
from nfield.errors import InputError

SPLITS = {"train": "train_filenames", "test": "test_filenames", "val": "val_filenames"}


def read_transforms(file: Path) -> Capture:
    """The frames of a transforms.json by split.

    The lists `train_filenames`, `test_filenames` and `val_filenames` are respected where given;
    otherwise, frames sorted by name, every eighth is a test frame. `aabb` is the box that holds the
    scene; `aabb_scale` is a hint that the automatic bounds do without.
    """
    document = read_document(file)
    frames, missing = read_frames(document, file.parent)
    frames.sort(key=lambda frame: frame.file_path)
    note = f"{missing} of {missing + len(frames)} frames have no image and are left out"
    splits = _split(document, frames)
    notes = (note,) if missing else ()
    return Capture(file.parent, "transforms.json", splits, notes, box=_box(document))


def _box(document: Document) -> np.ndarray | None:
    if document.get("aabb") is None:
        return None
    corners = document.rows("aabb")
    sound = corners is not None and corners.shape == (2, 3) and (np.abs(corners) <= LARGEST).all()
    if corners is None or not sound or not (corners[0] < corners[1]).all():
        raise document.refuse(
            "aabb", "be two corners of three numbers, the lower first", "correct or remove it"
        )
    return corners


def _split(document: Document, frames: list[Frame]) -> dict[str, list[Frame]]:
    listed = {split: names for split, key in SPLITS.items() if (names := document.texts(key))}
    if not listed:
        return hold_out(frames)
    splits = {split: _select(document, frames, split, names) for split, names in listed.items()}
    if "train" not in splits:
        taken = {frame.file_path for chosen in splits.values() for frame in chosen}
        splits["train"] = [frame for frame in frames if frame.file_path not in taken]
    if "test" not in splits:
        splits |= hold_out(splits["train"])
    return splits


def _select(document: Document, frames: list[Frame], split: str, names: list[str]) -> list[Frame]:
    by_path = {Path(frame.file_path): frame for frame in frames}
    for name in names:
        if Path(name) not in by_path:
            raise InputError(
                f"{document.where}: {SPLITS[split]} must name frames, got {name!r}; "
                "correct it or add the frame"
            )
    return [by_path[path] for path in dict.fromkeys(map(Path, names))]
