"""Cameras as nerfstudio's JSON: read again by our loaders, and by its own formula."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import nfield
from nfield.errors import InputError
from nfield.export.cameras import write_camera_path, write_transforms
from nfield.render.path import load_path
from tests.export.analytic import around


def test_transforms_are_a_data_set_again(photos: Path, tmp_path: Path) -> None:
    scene = nfield.load_scene(str(photos))
    write_transforms(tmp_path / "transforms.json", scene.splits)
    for views in scene.splits.values():
        for i, name in enumerate(views.names):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            Image.fromarray(views.image(i)).save(tmp_path / f"{name}.png")
    again = nfield.load_scene(str(tmp_path))
    for split, views in scene.splits.items():
        read = again.splits[split]
        assert set(read.names) == set(views.names)
        order = [read.names.index(name) for name in views.names]
        for field in ("intrinsics", "distortion", "lens", "size"):
            assert torch.equal(getattr(read.cameras[order], field), getattr(views.cameras, field))
        pose = read.cameras[order].camera_to_world
        torch.testing.assert_close(pose, views.cameras.camera_to_world)


def test_a_path_has_opengl_axes_and_a_vertical_field_of_view(tmp_path: Path) -> None:
    cameras = around(3)
    write_camera_path(tmp_path / "path.json", cameras)
    document = json.loads((tmp_path / "path.json").read_text())
    assert (document["render_width"], document["render_height"]) == (32, 32)
    first = document["camera_path"][0]
    pose = np.array(first["camera_to_world"]).reshape(4, 4)
    own = cameras.camera_to_world[0].numpy()
    assert pose[:3, 2] == pytest.approx(-own[:, 2]) and pose[:3, 1] == pytest.approx(-own[:, 1])
    assert first["fov"] == pytest.approx(2 * math.degrees(math.atan(16 / 48)))
    read = load_path(tmp_path / "path.json")
    torch.testing.assert_close(read.camera_to_world, cameras.camera_to_world)
    torch.testing.assert_close(read.intrinsics, cameras.intrinsics)


def test_cameras_that_a_path_cannot_hold_are_refused(tmp_path: Path) -> None:
    cameras = around(3)
    bent = replace(cameras, distortion=torch.full((3, 6), 0.01))
    with pytest.raises(InputError, match="camera paths hold pinholes .* got another at frame 0"):
        write_camera_path(tmp_path / "path.json", bent)
    with pytest.raises(InputError, match=r"cameras must end in \.json, got \.txt"):
        write_camera_path(tmp_path / "path.txt", cameras)
    assert not list(tmp_path.iterdir())
