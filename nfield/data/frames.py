"""Frames: posed images as the readers of all formats find them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from nfield.data.images import Header, Photos
from nfield.data.lens import Lens
from nfield.data.scene import Views
from nfield.errors import InputError
from nfield.render.cameras import LENSES, Cameras


@dataclass(frozen=True)
class Frame:
    """One posed image.

    Args:
        file_path: Its path as the dataset gives it.
        image: The file.
        mask: File of the same size, black where pixels do not count.
        name: Path in the dataset's folder, without suffix.
        camera_to_world: ``(3, 4)`` float64, OpenCV axes.
        lens: In pixels of the file.
        header: Of the file.
        time: Of a scene that moves.
    """

    file_path: str
    image: Path
    mask: Path | None
    name: str
    camera_to_world: np.ndarray
    lens: Lens
    header: Header
    time: float | None = None


def make_views(frames: Sequence[Frame], channels: int, downscale: int) -> Views:
    """The views of one split. Raises InputError when the images are smaller than `downscale`
    pixels.
    """
    for frame in frames:
        if min(frame.header.width, frame.header.height) < downscale:
            raise InputError(
                f"downscale: must be at most the smallest image side, got {downscale} with "
                f"{frame.image} of {frame.header.width}x{frame.header.height}; choose a smaller one"
            )
    cameras = Cameras(
        torch.tensor(np.stack([f.camera_to_world for f in frames]), dtype=torch.float32),
        torch.tensor([f.lens.intrinsics for f in frames], dtype=torch.float32),
        torch.tensor([f.lens.distortion for f in frames], dtype=torch.float32),
        torch.tensor([LENSES.index(f.lens.kind) for f in frames], dtype=torch.int32),
        torch.tensor([(f.header.width, f.header.height) for f in frames], dtype=torch.int32),
    )
    photos = Photos(
        tuple(f.image for f in frames), tuple(f.mask for f in frames), channels, downscale
    )
    return Views(cameras.scaled(downscale), tuple(f.name for f in frames), channels, photos)


def unique_names(splits: dict[str, list[Frame]]) -> tuple[dict[str, list[Frame]], tuple[str, ...]]:
    """Frames renamed so that names are unique in the scene, and a note for every image listed more
    than once.
    """
    seen: dict[str, int] = {}
    notes: list[str] = []
    renamed: dict[str, list[Frame]] = {}
    for split, frames in splits.items():
        renamed[split] = []
        for frame in frames:
            seen[frame.name] = count = seen.get(frame.name, 0) + 1
            if count > 1:
                notes.append(f"{frame.name} is listed {count} times")
                frame = replace(frame, name=f"{frame.name}#{count}")
            renamed[split].append(frame)
    return renamed, tuple(notes)


def hold_out(frames: list[Frame]) -> dict[str, list[Frame]]:
    """Every eighth frame, from the first, is a test frame; the others train."""
    return {
        "train": [frame for i, frame in enumerate(frames) if i % 8 != 0],
        "test": frames[::8],
    }
