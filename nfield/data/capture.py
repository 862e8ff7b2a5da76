"""A capture: what the reader of a format finds, before any image is decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nfield.data.bounds import box_bounds
from nfield.data.frames import Frame, make_views, unique_names
from nfield.data.scene import Scene, no_points
from nfield.errors import InputError

OWN_UNITS = "the poses' own"
NO_SCALE = "arbitrary: photos alone do not tell a scale"
_SHOWN = 4


@dataclass(frozen=True)
class Capture:
    """Posed images in splits, as a dataset states them.

    Args:
        folder: The dataset's.
        format: Its name, and the folder of images where there is a choice.
        splits: train and test, maybe val.
        notes: What was left out or repaired, one sentence each.
        units: Of the world.
        downscale: What is still to be divided by, after a folder of smaller images was taken.
        box: The corners ``(2, 3)`` of the box in which the dataset says that all lies.
        points: Reads the points ``(N, 3)`` that the poses were found with.
    """

    folder: Path
    format: str
    splits: dict[str, list[Frame]]
    notes: tuple[str, ...] = ()
    units: str = OWN_UNITS
    downscale: int = 1
    box: np.ndarray | None = None
    points: Callable[[], np.ndarray] = no_points

    def checked(self) -> Capture:
        """With names that are unique in the scene, and remarks on what fields do not use.

        Raises:
            InputError: fewer than two views.
        """
        count = sum(len(frames) for frames in self.splits.values())
        if count < 2 or not self.splits["train"]:
            raise InputError(
                f"{self.folder}: a scene must have at least two views, got {count}; "
                "add photos from other places"
            )
        splits, repeated = unique_names(self.splits)
        return replace(self, splits=splits, notes=(*self.notes, *repeated, *_remarks(self)))

    def scene(self, path: str) -> Scene:
        """The scene that the frames make; `path` is what the user named."""
        frames = [frame for chosen in self.splits.values() for frame in chosen]
        channels = 4 if any(frame.header.alpha for frame in frames) else 3
        return Scene(
            name=self.folder.resolve().name,
            path=path,
            splits={
                split: make_views(chosen, channels, self.downscale)
                for split, chosen in self.splits.items()
            },
            notes=self.notes,
            format=self.format,
            units=self.units,
            points=self.points,
            given_bounds=None if self.box is None else box_bounds(*self.box),
        )


def some(names: Sequence[str]) -> str:
    """The first few of many names."""
    more = "" if len(names) <= _SHOWN else f" and {len(names) - _SHOWN} more"
    return ", ".join(names[:_SHOWN]) + more


def _remarks(capture: Capture) -> list[str]:
    """What a fit does not do with what a dataset has."""
    frames = [frame for chosen in capture.splits.values() for frame in chosen]
    remarks = []
    times = [frame.time for frame in frames if frame.time is not None]
    if times and min(times) < max(times):
        remarks.append(
            f"frames have times from {min(times):g} to {max(times):g}: fields of scenes stand "
            "still, and see them all as one moment"
        )
    plain = not any(frame.header.alpha or frame.mask for frame in frames)
    if capture.box is not None and plain:
        remarks.append(
            "the scene ends at its stated box, and its images are opaque: fit with the "
            "--background that they show"
        )
    return remarks
