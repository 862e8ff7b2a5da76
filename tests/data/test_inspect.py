"""What `nfield info` says of a scene."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image, ImageFilter

from nfield.data.inspect import inspect_scene
from nfield.data.load import load_scene


def test_a_sound_scene_has_a_report_and_no_warnings(dataset):
    report, warnings = inspect_scene(load_scene(str(dataset())))
    assert warnings == []
    assert json.loads(json.dumps(report))["views"] == 9
    assert report["alpha"] is False
    assert report["splits"]["train"]["sizes"] == [(12, 8)]
    assert report["splits"]["train"]["lenses"] == ["opencv"]
    # 2 atan(12 / (2 * 10)), through float32 intrinsics; a circle of radius 3 around the focus.
    assert report["field_of_view"] == pytest.approx([61.9275, 61.9275], abs=1e-3)
    assert report["camera_distance"] == pytest.approx([3, 3], abs=1e-4)
    assert report["bounds"]["unbounded"] is True


def test_repeated_images_and_test_images_in_train_are_named(dataset):
    folder = dataset()
    shutil.copy(folder / "images/02.png", folder / "images/05.png")
    shutil.copy(folder / "images/00.png", folder / "images/07.png")
    warnings = inspect_scene(load_scene(str(folder)))[1]
    assert "1 group of frames with the same image: images/02 = images/05" in warnings
    assert (
        "1 test or validation frame has the same image as a training frame: "
        "images/07 = images/00" in warnings
    )


def test_repeated_poses_are_named(dataset):
    def edit(document):
        frames = document["frames"]
        frames[3]["transform_matrix"] = frames[4]["transform_matrix"]

    warnings = inspect_scene(load_scene(str(dataset(edit=edit))))[1]
    assert warnings == ["1 group of frames with the same pose: images/03 = images/04"]


def test_test_poses_in_train_are_named(dataset):
    def edit(document):
        frames = document["frames"]
        frames[8]["transform_matrix"] = frames[4]["transform_matrix"]

    assert inspect_scene(load_scene(str(dataset(edit=edit))))[1] == [
        "1 test or validation frame has the same pose as a training frame: images/04 = images/08"
    ]


def test_blurred_frames_are_named(dataset):
    folder = dataset()
    with Image.open(folder / "images/04.png") as image:
        blurred = image.filter(ImageFilter.GaussianBlur(2))
    blurred.save(folder / "images/04.png")
    assert inspect_scene(load_scene(str(folder)))[1] == [
        "1 frame looks blurred or empty: images/04"
    ]


def test_cameras_that_look_away_are_named(dataset):
    def edit(document):
        pose = np.array(document["frames"][5]["transform_matrix"])
        pose[:, [0, 2]] *= -1
        document["frames"][5]["transform_matrix"] = pose.tolist()

    warnings = inspect_scene(load_scene(str(dataset(17, edit=edit))))[1]
    assert warnings == ["1 camera looks away from the centre: images/05"]


def test_odd_scales_are_named(dataset):
    def edit(document):
        document["fl_x"] = 500.0
        for row in document["frames"][5]["transform_matrix"][:3]:
            row[3] *= 100  # away from the origin, which it still looks at

    warnings = inspect_scene(load_scene(str(dataset(17, edit=edit))))[1]
    assert any("camera distances to the centre differ more than 20 times" in w for w in warnings)
    assert any("fields of view go from 1.4 to 1.4 degrees" in w for w in warnings)
