"""Blender / NeRF-Synthetic and D-NeRF: a folder with transforms_train.json and, where they exist,
_val and _test.
"""

from __future__ import annotations

from pathlib import Path

from nfield.data.capture import Capture
from nfield.data.document import read_document
from nfield.data.entries import read_frames
from nfield.data.frames import Frame, hold_out


def read_blender(folder: Path) -> Capture:
    """The frames by split, in the files' order. Without a test split, every eighth training frame
    is one. D-NeRF's files have a time for each frame besides.
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
    return Capture(folder, "Blender / NeRF-Synthetic", splits, tuple(notes))
