"""NSVF's folders, which Tanks and Temples came in too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nfield.data.inspect import inspect_scene
from nfield.data.load import load_scene
from nfield.errors import InputError

from .formats import check_projection, opencv_poses, write_photos

SIZE = (40, 30)
NAMES = [f"{i // 3}_{i:04d}" for i in range(9)]
K = np.array([[36.25, 0, 19, 0], [0, 35.5, 16, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def text(array: np.ndarray) -> str:
    return "\n".join(" ".join(repr(float(x)) for x in row) for row in array) + "\n"


def write(folder: Path, names: list[str] = NAMES, *, mode: str = "RGB") -> Path:
    write_photos(folder / "rgb", [f"{name}.png" for name in names], SIZE, mode=mode)
    (folder / "pose").mkdir(exist_ok=True)
    for name, pose in zip(names, opencv_poses(9)):
        matrix = np.concatenate([pose, [[0, 0, 0, 1]]])
        (folder / "pose" / f"{name}.txt").write_text(text(matrix))
    (folder / "intrinsics.txt").write_text(text(K))
    return folder


def law(k: np.ndarray, names: list[str]):
    def project(name: str, points: np.ndarray) -> np.ndarray:
        pose = np.concatenate([opencv_poses(9)[names.index(name)], [[0, 0, 0, 1]]])
        matrix = (k @ np.linalg.inv(pose))[:3]
        x, y, z = matrix @ np.concatenate([points, np.ones((len(points), 1))], 1).T
        return np.stack([x / z, y / z], axis=1)

    return project


def test_points_project_as_the_matrices_say(tmp_path: Path) -> None:
    scene = load_scene(str(write(tmp_path)))
    check_projection(scene, law(K, NAMES))
    check_projection(load_scene(str(tmp_path), downscale=3), law(K, NAMES), downscale=3)
    assert scene.format == "NSVF / Tanks and Temples"


@pytest.mark.parametrize(
    "lines", ["36.25 19 16 0.\n0. 0. 0.\n1.\n30 40\n", "36.25 0 19\n0 36.25 16\n0 0 1\n"]
)
def test_intrinsics_have_other_shapes(tmp_path: Path, lines: str) -> None:
    write(tmp_path)
    (tmp_path / "intrinsics.txt").write_text(lines)
    k = K.copy()
    k[1, 1] = 36.25
    check_projection(load_scene(str(tmp_path)), law(k, NAMES))


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (NAMES, {"train": "0", "val": "1", "test": "2"}),
        ([name.replace("2_", "1_", 1) for name in NAMES], {"train": "0", "test": "1"}),
    ],
)
def test_the_first_letter_is_the_split(tmp_path: Path, names, splits) -> None:
    scene = load_scene(str(write(tmp_path, names)))
    found = {split: {Path(name).name[0] for name in v.names} for split, v in scene.splits.items()}
    assert found == {split: {letter} for split, letter in splits.items()}


def test_other_names_are_split_by_every_eighth(tmp_path: Path) -> None:
    scene = load_scene(str(write(tmp_path, [f"{i:03d}" for i in range(9)])))
    assert scene.splits["test"].names == ("rgb/000", "rgb/008")


def test_the_box_bounds_the_scene(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "bbox.txt").write_text("-1 -0.5 -0.25 1 1.5 0.75 0.4\n")
    scene = load_scene(str(tmp_path))
    assert scene.bounds.center == (0.0, 0.5, 0.25)
    assert (scene.bounds.half_size, scene.bounds.unbounded) == (1.0, False)
    # Half the cube; cells of 1/32 that touch the box are kept on both sides of z.
    assert scene.bounds.hull is not None
    assert scene.bounds.hull.mean() == pytest.approx(0.5, abs=2 / 64)
    assert scene.bounds.hull[32, 0, 0] and not scene.bounds.hull[0, 32, 32]
    assert "images are opaque: fit with the --background" in inspect_scene(scene)[1][0]
    write(tmp_path, mode="RGBA")
    assert load_scene(str(tmp_path)).notes == ()


def test_images_and_poses_without_a_partner_are_told(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "rgb/0_0001.png").unlink()
    (tmp_path / "pose/2_0008.txt").unlink()
    assert load_scene(str(tmp_path)).notes == (
        "1 images have no pose and are left out: 2_0008",
        "1 poses have no image and are left out: 0_0001",
    )


REFUSALS = {
    "pose shape": ("pose/0_0001.txt", "1 2 3", "pose must be 4x4 or 3x4 numbers"),
    "pose words": ("pose/0_0001.txt", "a b c", "must hold numbers, got"),
    "pose NaN": ("pose/0_0001.txt", text(K * np.nan), "numbers must be finite"),
    "pose scale": ("pose/0_0001.txt", text(np.eye(4) * 2), "pose must have 0 0 0 1"),
    "empty": ("pose/0_0001.txt", " \n", "must hold numbers, got an empty file"),
    "skew": ("intrinsics.txt", "36 1 19\n0 36 16\n0 0 1", "no skew, got 36, 36 and 1"),
    "focal": ("intrinsics.txt", "-36 0 19\n0 36 16\n0 0 1", "positive focal lengths .* got -36"),
    "shape": ("intrinsics.txt", "1 2\n3 4 5", "must be a 4x4 or 3x3 matrix, .* got 5 numbers"),
    "box": ("bbox.txt", "1 1 1 0 0 0", "box must be two corners .* the lower first, got 1, 1, 1"),
    "half a box": ("bbox.txt", "1 1 1", "box must be two corners"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refuses(tmp_path: Path, name: str) -> None:
    file, content, message = REFUSALS[name]
    (write(tmp_path) / file).write_text(content)
    with pytest.raises(InputError, match=message):
        load_scene(str(tmp_path))


def test_refuses_names_that_do_not_match(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "rgb").rename(tmp_path / "images")
    with pytest.raises(InputError, match="got 0 images and 9 poses without a match"):
        load_scene(str(tmp_path))
