"""Camera paths: the orbit's geometry, exact round trips, and a parser that only ever refuses."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nfield.errors import InputError
from nfield.render.cameras import Cameras
from nfield.render.path import load_path, orbit, save_path

IDENTITY = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]
FRAME = {"camera_to_world": IDENTITY, "intrinsics": [50, 50, 32, 24], "size": [64, 48]}


def cameras(pose: np.ndarray, *, focal: float = 100.0, size: tuple[int, int] = (64, 48)) -> Cameras:
    count = len(pose)
    return Cameras(
        torch.tensor(pose, dtype=torch.float32),
        torch.tensor([[focal, focal, size[0] / 2, size[1] / 2]] * count, dtype=torch.float32),
        torch.zeros(count, 6),
        torch.zeros(count, dtype=torch.int32),
        torch.tensor([size] * count, dtype=torch.int32),
    )


def looking(origin: np.ndarray, target: np.ndarray, up: np.ndarray) -> np.ndarray:
    forward = (target - origin) / np.linalg.norm(target - origin)
    right = np.cross(forward, up) / np.linalg.norm(np.cross(forward, up))
    return np.stack([right, np.cross(forward, right), forward, origin], axis=1)


def dome(up: np.ndarray, target: np.ndarray, *, elevation: float = 0.5, count: int = 24) -> Cameras:
    """Cameras at distance 4 on a ring around `target`."""
    ahead = np.cross(up, [0.3, 0.5, -0.8])
    ahead /= np.linalg.norm(ahead)
    aside = np.cross(up, ahead)
    poses = []
    for turn in 2 * math.pi * np.arange(count) / count:
        around = math.cos(turn) * ahead + math.sin(turn) * aside
        origin = target + 4.0 * (math.cos(elevation) * around + math.sin(elevation) * up)
        poses.append(looking(origin, target, up))
    return cameras(np.stack(poses))


@pytest.mark.parametrize("up", [[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [0.6, 0.0, 0.8]])
def test_orbit_of_a_ring_is_the_ring(up):
    source = dome(np.array(up), np.array([1.0, -2.0, 3.0]))
    # The same circle, start and sense: the cameras come back. Float32 poses of size 5.
    torch.testing.assert_close(
        orbit(source, 24).camera_to_world, source.camera_to_world, atol=1e-5, rtol=0
    )


def test_orbit_cameras_are_rotations_that_see_the_focus_at_the_centre():
    target, up = np.array([0.2, 0.1, -0.3]), np.array([0.0, 0.0, 1.0])
    path = orbit(dome(up, target, elevation=-0.4), 7, (30, 20))
    pose = path.camera_to_world.double().numpy()
    rotation = pose[:, :, :3]
    np.testing.assert_allclose(
        rotation @ rotation.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (7, 3, 3)), atol=1e-6
    )
    assert (np.linalg.det(rotation) > 0.9).all()
    seen = np.einsum("cji,cj->ci", rotation, target - pose[:, :, 3])
    np.testing.assert_allclose(seen, [[0.0, 0.0, 4.0]] * 7, atol=1e-5)
    assert (-pose[:, :, 1] @ up > 0.5).all()  # the pictures' up is up
    assert path.size.tolist() == [[30, 20]] * 7


def test_orbit_keeps_the_vertical_field_of_view_and_drops_distortion():
    source = dome(np.array([0.0, 0.0, 1.0]), np.zeros(3))
    source = Cameras(
        source.camera_to_world, source.intrinsics, torch.ones(24, 6), source.lens + 1, source.size
    )
    path = orbit(source, 2, (96, 96))
    # 100 / 48 of the height, whatever the width.
    assert path.intrinsics.tolist() == [[200.0, 200.0, 48.0, 48.0]] * 2
    assert not path.distortion.any()
    assert not path.lens.any()
    assert orbit(source, 1).size.tolist() == [[64, 48]]


@pytest.mark.parametrize(
    "pose",
    [
        np.stack([np.eye(3, 4)]),
        np.stack([np.eye(3, 4)] * 3) + np.array([0, 0, 0, 1.0]) * np.arange(3)[:, None, None],
        np.stack([np.eye(3, 4), np.diag([1.0, -1.0, -1.0])[:, [0, 1, 2, 2]] * [1, 1, 1, 0]]),
        np.stack([looking(np.array([0, 0, 5.0]), np.zeros(3), np.array([0.0, 1.0, 0.0]))] * 2),
    ],
    ids=["one camera", "parallel axes", "opposite ups", "straight down"],
)
def test_orbit_of_degenerate_cameras_is_still_made_of_rotations(pose):
    path = orbit(cameras(pose), 5).camera_to_world.double().numpy()
    assert np.isfinite(path).all()
    rotation = path[:, :, :3]
    np.testing.assert_allclose(
        rotation @ rotation.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (5, 3, 3)), atol=1e-6
    )


def test_wrong_orbits_are_refused():
    source = dome(np.array([0.0, 0.0, 1.0]), np.zeros(3))
    with pytest.raises(InputError, match="--frames: must be from 1 to 100000, got 0"):
        orbit(source, 0)
    with pytest.raises(InputError, match="size must be from 1 to 16384 pixels, got 0x9"):
        orbit(source, 3, (0, 9))
    with pytest.raises(InputError, match="needs at least one camera"):
        orbit(source[0:0], 3)


def rotations() -> st.SearchStrategy[np.ndarray]:
    def rotation(numbers: list[float]) -> np.ndarray:
        w, x, y, z = np.array(numbers) / np.linalg.norm(numbers)
        return np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )

    number = st.floats(-1, 1)
    quaternions = st.tuples(number, number, number, number)
    return quaternions.filter(lambda q: np.linalg.norm(q) > 0.1).map(rotation)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.tuples(rotations(), st.integers(0, 1), st.floats(-50, 50)), min_size=1, max_size=4)
)
def test_what_is_saved_is_loaded_to_the_bit(tmp_path, frames):
    count = len(frames)
    path = Cameras(
        torch.tensor(
            np.stack([np.c_[r, [shift, 0.1, -shift / 3]] for r, _, shift in frames]),
            dtype=torch.float32,
        ),
        torch.rand(count, 4) + 0.1,
        torch.randn(count, 6),
        torch.tensor([lens for _, lens, _ in frames], dtype=torch.int32),
        torch.randint(1, 9000, (count, 2), dtype=torch.int32),
    )
    save_path(tmp_path / "path.json", path)
    got = load_path(tmp_path / "path.json")
    for name in ("camera_to_world", "intrinsics", "distortion", "lens", "size"):
        assert torch.equal(getattr(got, name), getattr(path, name)), name


def write(tmp_path, document) -> str:
    file = tmp_path / "path.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(file)


def test_four_rows_and_defaults_are_read(tmp_path):
    frame = FRAME | {"camera_to_world": [*IDENTITY, [0, 0, 0, 1]]}
    got = load_path(write(tmp_path, {"version": 1, "frames": [frame, FRAME]}))
    assert torch.equal(got.camera_to_world, torch.eye(3, 4).repeat(2, 1, 1))
    assert got.intrinsics.tolist() == [[50.0, 50.0, 32.0, 24.0]] * 2
    assert not got.distortion.any()
    assert not got.lens.any()


def test_nerfstudio_paths_are_turned_to_opencv_axes(tmp_path):
    matrix = [1, 0, 0, 1.5, 0, 1, 0, 2.5, 0, 0, 1, 3.5, 0, 0, 0, 1]
    document = {
        "camera_type": "perspective",
        "render_width": 200,
        "render_height": 100,
        "fps": 24,
        "camera_path": [{"camera_to_world": matrix, "fov": 90, "aspect": 2}],
    }
    got = load_path(write(tmp_path, document))
    want = [[1, 0, 0, 1.5], [0, -1, 0, 2.5], [0, 0, -1, 3.5]]  # looks along world -z, y up
    assert got.camera_to_world[0].tolist() == want
    # tan 45 degrees = 1: the focal length is half the height.
    torch.testing.assert_close(got.intrinsics[0], torch.tensor([50.0, 50.0, 100.0, 50.0]))
    assert got.size.tolist() == [[200, 100]]


SCALED = [[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0]]
MIRRORED = [[-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"camera_to_world": SCALED}, "camera_to_world must start with a rotation, got "),
        (
            {"camera_to_world": MIRRORED},
            "must start with a rotation, .*; remove scale and mirroring",
        ),
        ({"camera_to_world": IDENTITY[:2]}, "must have 3 or 4 rows, got 2"),
        ({"camera_to_world": [*IDENTITY, [0, 0, 1, 1]]}, "must end with the row 0 0 0 1, got"),
        ({"camera_to_world": [*IDENTITY[:2], [0, 0, 1]]}, "camera_to_world row: must be 4 numbers"),
        ({"camera_to_world": "none"}, "camera_to_world: must be a list, got str"),
        ({"intrinsics": [0, 50, 32, 24]}, r"focal lengths must be positive, got \[0\.0, 50\.0\]"),
        ({"intrinsics": [50, 50, 32, True]}, "intrinsics: must be 4 numbers, got"),
        ({"intrinsics": [50, 50, 32, 10**400]}, "intrinsics: must be finite numbers, got"),
        ({"size": [64, 0]}, r"size: must be two whole numbers from 1 to 16384, got \[64, 0\]"),
        ({"size": [64.0, 48]}, r"size: must be two whole numbers"),
        ({"size": [99999, 48]}, r"size: must be two whole numbers"),
        ({"lens": "pinhole"}, "lens must be one of opencv, fisheye, got 'pinhole'"),
        ({"lens": []}, "lens must be one of opencv, fisheye"),
        ({"distortion": [0] * 4}, "distortion: must be 6 numbers"),
        ({"fov": 90, "focus": 1}, "keys must be .*, got unknown 'fov', unknown 'focus'"),
    ],
)
def test_wrong_frames_are_refused(tmp_path, change, message):
    file = write(tmp_path, {"version": 1, "frames": [FRAME, FRAME | change]})
    with pytest.raises(InputError, match=r"path\.json: frame 1.*" + message):
        load_path(file)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("", "camera path must be JSON"),
        ('{"version": 1', "camera path must be JSON"),
        ("[" * 100_000, "camera path must be JSON"),
        ([], "camera path must be an object, got list"),
        ({}, r"version must be 1, got None; write the path with nfield\.render\.path\.save_path"),
        ({"version": 2, "frames": []}, "version must be 1, got 2"),
        ({"version": True, "frames": [FRAME]}, "version must be 1, got True"),
        ({"version": 1}, "keys must be version, frames, got no frames"),
        ({"version": 1, "frames": []}, "must have from 1 to 100000 frames, got 0"),
        ({"version": 1, "frames": [3]}, "frame 0: must be an object, got int"),
        ({"version": 1, "frames": [{}]}, "got no camera_to_world, no intrinsics, no size"),
        (
            {"camera_path": [], "camera_type": "equirectangular"},
            "camera_type must be 'perspective'",
        ),
        ({"camera_path": [{}], "render_width": 9}, r"render_width and render_height: must be two"),
        (
            {"camera_path": [{}], "render_width": 9, "render_height": 9},
            "frame 0: camera_to_world: must be 16 numbers, got None",
        ),
    ],
)
def test_wrong_files_are_refused(tmp_path, document, message):
    with pytest.raises(InputError, match=r"path\.json: .*" + message):
        load_path(write(tmp_path, document))


@pytest.mark.parametrize("fov", [0, 180, -5, None, "wide", math.nan])
def test_wrong_fields_of_view_are_refused(tmp_path, fov):
    matrix = np.eye(4).reshape(-1).tolist()
    frames = [{"camera_to_world": matrix, "fov": fov}]
    document = {"camera_path": frames, "render_width": 9, "render_height": 9}
    with pytest.raises(InputError, match=r"path\.json: frame 0: fov"):
        load_path(write(tmp_path, document))


def test_nan_and_absent_files_are_refused(tmp_path):
    text = json.dumps({"version": 1, "frames": [FRAME | {"intrinsics": [math.nan, 1, 1, 1]}]})
    with pytest.raises(InputError, match="intrinsics: must be finite numbers, got"):
        load_path(write(tmp_path, text))
    with pytest.raises(InputError, match=r"absent\.json: camera path must be a file, got none"):
        load_path(tmp_path / "absent.json")


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "path.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="camera path must be JSON"):
        load_path(tmp_path / "path.json")


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = ("camera_to_world", "intrinsics", "size", "lens", "distortion", "fov")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from(KEYS), ANY, st.booleans())
def test_any_value_in_a_frame_is_read_or_refused(tmp_path, key, value, foreign):
    if foreign:
        frame = {"camera_to_world": np.eye(4).reshape(-1).tolist(), "fov": 60, key: value}
        document = {"camera_path": [frame], "render_width": 8, "render_height": 8}
    else:
        document = {"version": 1, "frames": [FRAME | {key: value}]}
    try:
        got = load_path(write(tmp_path, document))
    except InputError as error:
        assert "path.json" in str(error)
    else:
        assert got.camera_to_world.isfinite().all()
        assert got.intrinsics[:, :2].min() > 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(ANY | st.dictionaries(st.sampled_from(["version", "frames", "camera_path"]), ANY))
def test_any_document_is_refused(tmp_path, document):
    with pytest.raises(InputError, match=r"path\.json"):
        load_path(write(tmp_path, document))
