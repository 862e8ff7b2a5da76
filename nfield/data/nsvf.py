"""NSVF and its Tanks and Temples: rgb/, pose/, intrinsics.txt and maybe bbox.txt.

Source: Liu et al., "Neural Sparse Voxel Fields", 2020, and the data that came with it: poses are
camera-to-world with OpenCV axes, one text file for each image of the same name; the first letter of
a name tells its split.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nfield.data.capture import Capture, some
from nfield.data.frames import Frame, hold_out
from nfield.data.images import header
from nfield.data.lens import Lens
from nfield.data.pictures import list_images, stem
from nfield.data.pose import LARGEST, rigid
from nfield.errors import InputError

_MAX_BYTES = 2**16  # of a text file with one matrix


def is_nsvf(folder: Path) -> bool:
    """Whether a folder has what the format asks for."""
    return (folder / "pose").is_dir() and (folder / "intrinsics.txt").is_file()


def read_nsvf(folder: Path, downscale: int) -> Capture:
    """Posed images. Names that begin with 0_ train; with 1_ are for validation and with 2_ for
    testing, or with 1_ for testing where there is no 2_. Without such names every eighth is a test
    image.

    Raises:
        InputError: a matrix of another shape or with wrong values, no image with a pose.
    """
    lens = _lens(folder / "intrinsics.txt")
    images = list_images(folder / "rgb", folder)
    poses = {path.stem: path for path in sorted((folder / "pose").glob("*.txt"))}
    named = {stem(image, folder / "rgb"): image for image in images}
    frames = [
        _frame(folder, named[name], poses[name], lens) for name in sorted(named.keys() & poses)
    ]
    if not frames:
        raise InputError(
            f"{folder}: images in rgb must have poses of the same names in pose, got "
            f"{len(images)} images and {len(poses)} poses without a match; restore the names"
        )
    notes = []
    for what, names, lacking in (
        ("images have no pose", named, poses),
        ("poses have no image", poses, named),
    ):
        if alone := sorted(names.keys() - lacking.keys()):
            notes.append(f"{len(alone)} {what} and are left out: {some(alone)}")
    return Capture(
        folder,
        "NSVF / Tanks and Temples",
        _split(frames),
        tuple(notes),
        downscale=downscale,
        box=_box(folder / "bbox.txt"),
    )


def _split(frames: list[Frame]) -> dict[str, list[Frame]]:
    by_letter = {
        letter: [frame for frame in frames if Path(frame.file_path).name.startswith(f"{letter}_")]
        for letter in "012"
    }
    if not by_letter["0"] or not by_letter["1"] + by_letter["2"]:
        return hold_out(frames)
    if not by_letter["2"]:
        return {"train": by_letter["0"], "test": by_letter["1"]}
    splits = {"train": by_letter["0"], "test": by_letter["2"], "val": by_letter["1"]}
    return {split: chosen for split, chosen in splits.items() if chosen}


def _frame(folder: Path, image: Path, pose: Path, lens: Lens) -> Frame:
    def refuse(rule: str) -> InputError:
        return InputError(f"{pose}: pose must {rule}; write the file again")

    matrix = np.array(_numbers(pose))
    return Frame(
        file_path=image.name,
        image=image,
        mask=None,
        name=stem(image, folder),
        camera_to_world=rigid(matrix.reshape(4, 4) if matrix.size == 16 else matrix, refuse),
        lens=lens,
        header=header(image),
    )


def _lens(file: Path) -> Lens:
    """From a 4x4 or 3x3 matrix, or from a first line of focal length, cx, cy and 0."""
    values = _numbers(file)
    side = {16: 4, 9: 3}.get(len(values))
    rows = _lines(file)
    if side is not None and all(len(row.split()) in (side, side * side) for row in rows):
        matrix = np.array(values).reshape(side, side)
        (fx, skew, cx), (_, fy, cy) = matrix[0, :3].tolist(), matrix[1, :3].tolist()
    elif len(rows[0].split()) == 4:
        (fx, cx, cy), skew = values[:3], 0.0
        fy = fx
    else:
        raise InputError(
            f"{file}: intrinsics must be a 4x4 or 3x3 matrix, or begin with focal length, cx, cy "
            f"and 0, got {len(values)} numbers; write the file again"
        )
    if skew or not (fx > 1e-6 and fy > 1e-6):
        raise InputError(
            f"{file}: intrinsics must have positive focal lengths and no skew, "
            f"got {fx:g}, {fy:g} and {skew:g}; correct them"
        )
    return Lens("opencv", (fx, fy, cx, cy))


def _box(file: Path) -> np.ndarray | None:
    """From the lower corner and the upper one; the size of a voxel, which follows, is NSVF's."""
    if not file.is_file():
        return None
    values = np.array(_numbers(file)[:6])
    if len(values) != 6 or not (values[:3] < values[3:]).all():
        raise InputError(
            f"{file}: box must be two corners of three numbers, the lower first, "
            f"got {', '.join(f'{value:g}' for value in values)}; correct or remove the file"
        )
    return values.reshape(2, 3)


def _numbers(file: Path) -> list[float]:
    try:
        values = [float(word) for line in _lines(file) for word in line.split()]
    except ValueError as error:
        raise InputError(f"{file}: must hold numbers, got {error}; write the file again") from error
    if not all(abs(value) <= LARGEST for value in values):  # false for NaN too
        raise InputError(f"{file}: numbers must be finite, got others; write the file again")
    return values


def _lines(file: Path) -> list[str]:
    """The lines that are not empty; at least one."""
    with file.open("rb") as stream:
        text = stream.read(_MAX_BYTES).decode(errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise InputError(f"{file}: must hold numbers, got an empty file; write the file again")
    return lines
