"""Laws of the parser: any JSON loads or is refused with one sentence, valid cameras survive."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from nfield.data.load import load_scene
from nfield.errors import InputError

from_the_file = settings(
    max_examples=150,
    deadline=None,  # the first example imports and opens files
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.just(10**400)
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
KEYS = ("fl_x", "fl_y", "cx", "cy", "w", "h", "k1", "p2", "camera_angle_x", "camera_model")
KEYS += ("is_fisheye", "mask_path", "file_path", "transform_matrix", "frames", "ftheta_p0")
KEYS += ("train_filenames", "test_filenames", "aabb_scale", "aabb", "time", "sharpness")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    for name in ("a.png", "b.png"):
        Image.new("RGB", (4, 4)).save(folder / name)
    return folder


def _load_or_refuse(folder, document) -> None:
    (folder / "transforms.json").write_text(json.dumps(document))
    try:
        load_scene(str(folder))
    except InputError as error:
        assert "\n" not in str(error)


@from_the_file
@given(document=anything)
def test_any_json_loads_or_is_refused(folder, document):
    _load_or_refuse(folder, document)


@from_the_file
@given(
    shared=st.dictionaries(st.sampled_from(KEYS), anything, max_size=3),
    own=st.dictionaries(st.sampled_from(KEYS), anything, max_size=3),
)
def test_any_value_of_any_key_loads_or_is_refused(folder, shared, own):
    pose = np.eye(4).tolist()
    frames = [{"file_path": name, "transform_matrix": pose} for name in ("a.png", "b.png")]
    frames[1].update(own)
    _load_or_refuse(folder, {"fl_x": 3.0, "frames": frames, **shared})


@from_the_file
@given(
    focal=st.floats(1, 1e4),
    center=st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)),
    angles=st.tuples(*[st.floats(-math.pi, math.pi)] * 3),
    place=st.tuples(*[st.floats(-1e3, 1e3)] * 3),
)
def test_cameras_survive_the_round_trip(folder, focal, center, angles, place):
    pose = np.eye(4)
    for axis, angle in enumerate(angles):
        turn = np.eye(4)
        i, j = (axis + 1) % 3, (axis + 2) % 3
        turn[[i, i, j, j], [i, j, i, j]] = (
            math.cos(angle),
            -math.sin(angle),
            math.sin(angle),
            math.cos(angle),
        )
        pose = pose @ turn
    pose[:3, 3] = place
    frames = [{"file_path": name, "transform_matrix": pose.tolist()} for name in ("a", "b")]
    document = {"fl_x": focal, "cx": center[0], "cy": center[1], "frames": frames}
    (folder / "transforms.json").write_text(json.dumps(document))
    camera = load_scene(str(folder)).splits["train"].cameras
    # Values go through float32: half a unit in the last place of the largest, 1e3 to 1e4.
    assert np.allclose(camera.intrinsics[0], (focal, focal, *center), rtol=1e-7, atol=1e-4)
    expected = pose[:3] * [1, -1, -1, 1]
    assert np.allclose(camera.camera_to_world[0], expected, rtol=1e-7, atol=1e-4)
