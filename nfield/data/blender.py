"""Blender / NeRF-Synthetic: a folder with transforms_train.json and, where they exist, _val and
_test.
"""

from __future__ import annotations

from pathlib import Path

from nfield.data.document import read_document
from nfield.data.frames import Frame, hold_out, read_frames


def read_blender(folder: Path) -> tuple[dict[str, list[Frame]], tuple[str, ...]]:
    """The frames by split, in the files' order, and notes. Without a test split, every eighth
    training frame is one.
    """
    splits: dict[str, list[Frame]] = {}
    notes: list[str] = []
    for split in ("train", "test", "val"):
        file = folder / f"transforms_{split}.json"
        if split == "train" or file.exists():
            splits[split], missing = read_frames(read_document(file), folder)
            if missing:
                notes.append(f"{split}: {missing} frames have no image and are left out")
    if "test" not in splits:
        splits |= hold_out(splits["train"])
    return splits, tuple(notes)
