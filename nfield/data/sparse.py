"""A sparse model of COLMAP: cameras, images and points, from binary files or from text.

Source: COLMAP's documentation, "Output format"; lists of 2D points and tracks are passed over.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nfield.data import sparse_binary
from nfield.data.colmap_lens import BY_NAME, Model
from nfield.data.pose import LARGEST, inverse
from nfield.errors import InputError

_NORM = 1e-2  # of a quaternion from 1, in text of few digits
MAX_SIDE = 2**31 - 1


@dataclass(frozen=True)
class Camera:
    """A camera as the file states it; `parameters` are those of its model."""

    where: str
    model: Model
    size: tuple[int, int]
    parameters: tuple[float, ...]


@dataclass(frozen=True)
class Image:
    """A registered image: name, camera, and camera-to-world ``(3, 4)`` float64, OpenCV axes."""

    name: str
    camera: int
    camera_to_world: np.ndarray


def is_sparse(folder: Path) -> bool:
    """Whether a folder holds a sparse model."""
    return any(
        (folder / f"cameras{suffix}").is_file() and (folder / f"images{suffix}").is_file()
        for suffix in (".bin", ".txt")
    )


def read_cameras(folder: Path) -> dict[int, Camera]:
    """The cameras by their numbers.

    Raises:
        InputError: the file is cut or malformed, or names an unknown model.
    """
    file = _file(folder, "cameras")
    rows = sparse_binary.cameras(file) if file.suffix == ".bin" else _camera_rows(file)
    cameras = {}
    for number, model, width, height, parameters in rows:
        where = f"{file}: camera {number}"
        if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
            raise InputError(
                f"{where}: size must be from 1x1, got {width}x{height}; run COLMAP again"
            )
        cameras[number] = Camera(where, model, (width, height), parameters)
    return cameras


def read_images(folder: Path) -> list[Image]:
    """The registered images, sorted by name.

    Raises:
        InputError: the file is cut or malformed, or a pose is no rotation.
    """
    file = _file(folder, "images")
    rows = sparse_binary.images(file) if file.suffix == ".bin" else _image_rows(file)
    images = []
    for number, pose, camera, name in rows:
        where = f"{file}: image {number}"
        if not name:
            raise InputError(f"{where}: name must not be empty; run COLMAP again")
        images.append(Image(name, camera, _camera_to_world(where, pose)))
    return sorted(images, key=lambda image: image.name)


def read_points(folder: Path) -> np.ndarray:
    """The triangulated points ``(N, 3)`` that are finite; none where there is no file.

    Raises:
        InputError: the file is cut or malformed.
    """
    if not any((folder / f"points3D{suffix}").is_file() for suffix in (".bin", ".txt")):
        return np.empty((0, 3))
    file = _file(folder, "points3D")
    rows = sparse_binary.points(file) if file.suffix == ".bin" else _point_rows(file)
    found = np.array(list(rows), np.float64).reshape(-1, 3)
    kept: np.ndarray = found[(np.abs(found) <= LARGEST).all(1)]
    return kept


def _file(folder: Path, name: str) -> Path:
    """The binary file where there is one, as COLMAP prefers."""
    binary = folder / f"{name}.bin"
    return binary if binary.is_file() else folder / f"{name}.txt"


def _camera_to_world(where: str, pose: tuple[float, ...]) -> np.ndarray:
    """From a quaternion w, x, y, z and a translation, both world-to-camera."""
    norm = math.hypot(*pose[:4])
    if not all(abs(value) <= LARGEST for value in pose) or abs(norm - 1) > _NORM:
        raise InputError(
            f"{where}: pose must be a unit quaternion and a finite translation, "
            f"got {', '.join(f'{value:g}' for value in pose)}; run COLMAP again"
        )
    w, x, y, z = (value / norm for value in pose[:4])
    rotation = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return inverse(np.concatenate([rotation, np.array(pose[4:])[:, None]], axis=1))


def _camera_rows(file: Path) -> Iterator[tuple[int, Model, int, int, tuple[float, ...]]]:
    for where, line in _lines(file):
        words = line.split()
        model = BY_NAME.get(words[1]) if len(words) > 1 else None
        if len(words) < 4 or model is None:
            raise InputError(
                f"{where}: camera must have a number, a known model, width, height and parameters, "
                f"got {line[:80]!r}; run COLMAP again, or undistort the images with it"
            )
        if len(words) != 4 + len(model.parameters):
            raise InputError(
                f"{where}: {model.name} must have {len(model.parameters)} parameters, "
                f"got {len(words) - 4}; run COLMAP again"
            )
        try:
            number, width, height = int(words[0]), int(words[2]), int(words[3])
            yield number, model, width, height, tuple(map(float, words[4:]))
        except ValueError as error:
            raise _no_number(where, error) from error


def _image_rows(file: Path) -> Iterator[tuple[int, tuple[float, ...], int, str]]:
    """Every second line lists 2D points, and may be empty."""
    lines = _lines(file, keep_empty=True)
    for where, line in lines:
        words = line.split(maxsplit=9)
        if not words:
            continue
        if len(words) != 10:
            raise InputError(
                f"{where}: image must have a number, a quaternion, a translation, a camera and a "
                f"name, got {line[:80]!r}; run COLMAP again"
            )
        try:
            number, camera, pose = int(words[0]), int(words[8]), tuple(map(float, words[1:8]))
        except ValueError as error:
            raise _no_number(where, error) from error
        yield number, pose, camera, words[9].strip()
        next(lines, None)


def _point_rows(file: Path) -> Iterator[tuple[float, ...]]:
    for where, line in _lines(file):
        try:
            x, y, z = map(float, line.split(maxsplit=4)[1:4])
        except ValueError as error:
            raise _no_number(where, error) from error
        yield x, y, z


def _lines(file: Path, *, keep_empty: bool = False) -> Iterator[tuple[str, str]]:
    """Lines without comments, and where they stand."""
    with file.open(encoding="utf-8", errors="replace") as stream:
        for i, line in enumerate(stream, 1):
            if not line.startswith("#") and (keep_empty or line.strip()):
                yield f"{file}: line {i}", line.strip()


def _no_number(where: str, error: ValueError) -> InputError:
    return InputError(f"{where}: numbers must be numbers, got {error}; run COLMAP again")
