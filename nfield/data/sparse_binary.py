"""COLMAP's binary files: read within their size, whatever their counts say."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nfield.data.colmap_lens import MODELS, Model
from nfield.errors import InputError

_COUNT = struct.Struct("<Q")
_CAMERA = struct.Struct("<IiQQ")  # number, model, width, height
_IMAGE = struct.Struct("<I7dI")  # number, quaternion, translation, camera
_POINT = struct.Struct("<Q3d3Bd")  # number, position, colour, error
_POINT_2D, _TRACK = 24, 8  # bytes of what is passed over


class Reader:
    """A file in memory, read from front to back."""

    def __init__(self, file: Path):
        self.file = file
        self._data = file.read_bytes()
        self._place = 0

    def take(self, layout: struct.Struct) -> tuple[Any, ...]:
        """The next values."""
        start = self._pass(layout.size)
        return layout.unpack_from(self._data, start)

    def count(self, least: int) -> int:
        """A number of items of at least so many bytes each."""
        (number,) = _COUNT.unpack_from(self._data, self._pass(_COUNT.size))
        left = len(self._data) - self._place
        if number * least > left:
            raise InputError(
                f"{self.file}: items that a count promises must be there, got a count of {number} "
                f"at byte {self._place - _COUNT.size} and {left} bytes after it; "
                "copy the file again"
            )
        return int(number)

    def skip(self, least: int) -> None:
        """Pass over a count and its items of so many bytes."""
        self._pass(self.count(least) * least)

    def text(self) -> str:
        """Characters up to a zero byte."""
        end = self._data.find(b"\0", self._place)
        if end < 0:
            raise self._cut()
        start, self._place = self._place, end + 1
        return self._data[start:end].decode("utf-8", errors="replace")

    def _pass(self, size: int) -> int:
        if size > len(self._data) - self._place:
            raise self._cut()
        start, self._place = self._place, self._place + size
        return start

    def _cut(self) -> InputError:
        return InputError(
            f"{self.file}: file must be whole, got one that ends at byte {len(self._data)} within "
            "an item; copy it again"
        )


def cameras(file: Path) -> Iterator[tuple[int, Model, int, int, tuple[float, ...]]]:
    """Number, model, width, height and parameters of each camera."""
    reader = Reader(file)
    for _ in range(reader.count(_CAMERA.size)):
        number, code, width, height = reader.take(_CAMERA)
        if not 0 <= code < len(MODELS):
            raise InputError(
                f"{file}: camera {number}: model must be known (0 to {len(MODELS) - 1}), "
                f"got {code}; undistort the images with COLMAP's image_undistorter"
            )
        model = MODELS[code]
        parameters = reader.take(struct.Struct(f"<{len(model.parameters)}d"))
        yield number, model, width, height, parameters


def images(file: Path) -> Iterator[tuple[int, tuple[float, ...], int, str]]:
    """Number, quaternion and translation, camera and name of each image."""
    reader = Reader(file)
    for _ in range(reader.count(_IMAGE.size)):
        number, *pose, camera = reader.take(_IMAGE)
        yield number, tuple(pose), camera, reader.text()
        reader.skip(_POINT_2D)


def points(file: Path) -> Iterator[tuple[float, ...]]:
    """Position of each point."""
    reader = Reader(file)
    for _ in range(reader.count(_POINT.size)):
        yield reader.take(_POINT)[1:4]
        reader.skip(_TRACK)
