"""DTU as IDR and NeuS prepared it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nfield.data.dtu import project_parts
from nfield.data.load import load_scene
from nfield.errors import InputError

from .formats import check_projection, opencv_poses, write_photos

SIZE = (40, 30)
NAMES = [f"{i:06d}.png" for i in range(9)]
K = np.array([[36.25, 0, 19], [0, 35.5, 16], [0, 0, 1]])


def cameras(k: np.ndarray = K) -> dict[str, np.ndarray]:
    found = {}
    for i, pose in enumerate(opencv_poses(9)):
        world_to_camera = np.linalg.inv(np.concatenate([pose, [[0, 0, 0, 1]]]))
        matrix = np.eye(4)
        matrix[:3] = k @ world_to_camera[:3]
        found[f"world_mat_{i}"] = matrix
        found[f"scale_mat_{i}"] = np.array(
            [[0.5, 0, 0, 0.1], [0, 0.5, 0, 0.2], [0, 0, 0.5, 0.3], [0, 0, 0, 1]]
        )
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    np.savez(tmp_path / "cameras.npz", **cameras())
    write_photos(tmp_path / "image", NAMES, SIZE)
    write_photos(tmp_path / "mask", [name[3:] for name in NAMES], SIZE, mode="L")
    return tmp_path


def law(name: str, points: np.ndarray) -> np.ndarray:
    """world_mat projects; whole numbers are pixel centres, which lie at one half here."""
    matrix = cameras()[f"world_mat_{int(name)}"]
    x, y, z, _ = matrix @ np.concatenate([points, np.ones((len(points), 1))], 1).T
    return np.stack([x / z, y / z], axis=1) + 0.5


def test_points_project_as_the_matrices_say(folder: Path) -> None:
    scene = load_scene(str(folder))
    check_projection(scene, law)
    check_projection(load_scene(str(folder), downscale=2), law, downscale=2)
    assert scene.splits["test"].names == ("image/000000", "image/000008")
    assert (scene.format, scene.units) == ("DTU / IDR", "the poses' own (of DTU: millimetres)")


def test_the_ball_bounds_what_the_masks_leave(folder: Path) -> None:
    scene = load_scene(str(folder))
    assert scene.splits["train"].mask(0) is not None
    bounds = scene.bounds
    assert np.allclose(bounds.center, (0.1, 0.2, 0.3))
    assert (bounds.half_size, bounds.unbounded) == (0.5, False)
    assert bounds.hull is not None and bounds.hull.all()


def test_without_masks_all_is_seen(folder: Path) -> None:
    for file in (folder / "mask").iterdir():
        file.unlink()
    scene = load_scene(str(folder))
    assert scene.splits["train"].mask(0) is None
    assert scene.bounds.unbounded


def test_neus_names_the_file_otherwise(folder: Path) -> None:
    (folder / "cameras.npz").rename(folder / "cameras_sphere.npz")
    check_projection(load_scene(str(folder)), law)


@pytest.mark.parametrize("sign", [1.0, -1.0, 250.0])
def test_a_projection_falls_into_its_parts_whatever_its_scale(sign: float) -> None:
    matrix = cameras()["world_mat_3"]
    parts = project_parts(sign * matrix)
    assert parts is not None
    # float64 throughout, with condition numbers below a thousand.
    assert np.allclose(parts[0], K, atol=1e-9)
    assert np.allclose(parts[1], opencv_poses(9)[3], atol=1e-9)


def _with(key: str, value: np.ndarray | None) -> dict[str, np.ndarray]:
    found = cameras()
    del found[key]
    return found if value is None else {**found, key: value}


_SKEWED = K + np.array([[0, 0.1, 0], [0, 0, 0], [0, 0, 0]])
REFUSALS = {
    "missing": (_with("world_mat_3", None), "one image for each camera, .* got 9 in .*image"),
    "gap": (
        {**_with("world_mat_3", None), "world_mat_9": np.eye(4)},
        "world_mat_3 must be a 4x4 matrix, got none",
    ),
    "shape": (_with("world_mat_3", np.eye(3)), "world_mat_3 must be a 4x4 matrix, got .3, 3."),
    "zero": (_with("world_mat_3", np.zeros((4, 4))), "world_mat_3 must be a projection"),
    "NaN": (_with("world_mat_3", np.full((4, 4), np.nan)), "world_mat_3 must be a projection"),
    "skew": (cameras(_SKEWED), "world_mat_0 must have no skew, got one that moves pixels by 0.08"),
    "scale": (_with("scale_mat_0", np.diag([1.0, 2, 1, 1])), "scale_mat_0 must scale all axes"),
    "words": (_with("world_mat_3", np.array("x")), "world_mat_3: must hold real numbers"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refuses(folder: Path, name: str) -> None:
    arrays, message = REFUSALS[name]
    np.savez(folder / "cameras.npz", **arrays)
    with pytest.raises(InputError, match=message):
        load_scene(str(folder))


def test_refuses_masks_that_do_not_fit(folder: Path) -> None:
    write_photos(folder / "mask", ["002.png"], (8, 8), mode="L")
    with pytest.raises(InputError, match="mask must have the size of its image, 40x30, got 8x8"):
        load_scene(str(folder))
    (folder / "mask/002.png").unlink()
    with pytest.raises(InputError, match="one mask for each camera, .* got 8"):
        load_scene(str(folder))


def test_refuses_what_is_no_archive(folder: Path) -> None:
    (folder / "cameras.npz").write_bytes(b"PK\3\4 nothing")
    with pytest.raises(InputError, match="must be an archive of arrays"):
        load_scene(str(folder))
