"""LLFF's poses_bounds.npy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nfield.data.load import load_scene
from nfield.errors import InputError

from .formats import check_projection, opencv_poses, write_photos

SIZE = (40, 30)
NAMES = [f"image{i:03d}.png" for i in range(9)]
FOCAL = 36.25


def rows() -> np.ndarray:
    """Columns: down, right, backward, position, (height, width, focal length); near, far."""
    found = []
    for pose in opencv_poses(9):
        right, down, forward, position = pose.T
        matrix = np.stack([down, right, -forward, position, [30, 40, FOCAL]], axis=1)
        found.append([*matrix.ravel(), 1.5, 9.0])
    return np.array(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    np.save(tmp_path / "poses_bounds.npy", rows())
    write_photos(tmp_path / "images", NAMES, SIZE)
    return tmp_path


def law(name: str, points: np.ndarray) -> np.ndarray:
    """NeRF's own code: columns to right, up, backward, then a pinhole about the centre."""
    matrix = rows()[int(name.removeprefix("image")), :15].reshape(3, 5)
    axes = np.stack([matrix[:, 1], -matrix[:, 0], matrix[:, 2]], axis=1)
    x, y, z = ((points - matrix[:, 3]) @ axes).T
    return np.stack([FOCAL * x / -z + 20, 15 - FOCAL * y / -z], axis=1)


def test_points_project_as_llff_says(folder: Path) -> None:
    scene = load_scene(str(folder))
    check_projection(scene, law)
    assert scene.splits["test"].names == ("images/image000", "images/image008")
    assert scene.format == "LLFF, images"


def test_a_factor_picks_the_folder_of_smaller_images(folder: Path) -> None:
    write_photos(folder / "images_2", NAMES, (20, 15))
    scene = load_scene(str(folder), downscale=2)
    assert scene.format == "LLFF, images_2"
    check_projection(scene, law, downscale=2)
    without = load_scene(str(folder), downscale=5)
    assert without.format == "LLFF, images"
    check_projection(without, law, downscale=5)


def test_the_file_itself_may_be_named(folder: Path) -> None:
    assert load_scene(str(folder / "poses_bounds.npy")).name == folder.name


def _changed(view: int, column: int, value: float) -> np.ndarray:
    array = rows()
    array[view, column] = value
    return array


REFUSALS = {
    "shape": (np.zeros((9, 15)), "poses must have shape .views, 17., got .9, 15."),
    "flat": (np.zeros(17), "poses must have shape .views, 17., got .17,."),
    "count": (rows()[:8], "an image for each pose, .* got 8 poses and 9 images"),
    "NaN": (_changed(3, 3, np.nan), "pose 3 must be finite"),
    "scale": (_changed(4, 0, 5.0), "pose 4 must hold a rotation"),
    "mirror": (rows() * np.array([-1, *[1.0] * 4] * 3 + [1, 1]), "pose 0 must hold a rotation"),
    "focal": (_changed(5, 14, 0.0), "pose 5 must have a positive height.* got 30, 40, 0"),
    "size": (_changed(2, 4, 60.0), "image002.png: image must have the size .*40x60., got 40x30"),
    "objects": (np.array([{}, {}]), "must hold real numbers, got object"),
    "words": (np.array(["a", "b"]), "must hold real numbers"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refuses(folder: Path, name: str) -> None:
    array, message = REFUSALS[name]
    np.save(folder / "poses_bounds.npy", array)
    with pytest.raises(InputError, match=message):
        load_scene(str(folder))
