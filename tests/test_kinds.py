"""What a path names: by suffix, by content, and the field that fits it."""

from __future__ import annotations

from pathlib import Path

import pytest

from nfield.config import resolve
from nfield.errors import InputError
from nfield.fields.presets import PRESETS
from nfield.kinds import DEFAULTS, kind_of
from tests.targets import write_mesh, write_picture


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("builtin:matte", "radiance"),
        ("photos", "radiance"),
        ("photos/transforms.json", "radiance"),
        ("a/photo.JPG", "image"),
        ("photo.tiff", "image"),
        ("bunny.obj", "distance"),
        ("bunny.PLY", "distance"),
        ("clip.mp4", "video"),
        ("clip.webm", "video"),
        ("x\0y", "radiance"),
    ],
)
def test_suffixes_tell_kinds_apart(data: str, kind: str) -> None:
    assert kind_of(data) == kind


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image"),
        (b"\xff\xd8\xff\xe0", "image"),
        (b"RIFF....WEBPVP8 ", "image"),
        (b"....ftypheic", "image"),
        (b"....ftypisom", "video"),
        (b"RIFF....AVI LIST", "video"),
        (b"\x1aE\xdf\xa3", "video"),
        (b"ply\nformat ascii", "distance"),
        (b"glTF\x02", "distance"),
        (b"", "radiance"),
        (b"anything", "radiance"),
    ],
)
def test_content_decides_where_the_suffix_does_not(tmp_path: Path, head: bytes, kind: str) -> None:
    (tmp_path / "file.data").write_bytes(head)
    assert kind_of(str(tmp_path / "file.data")) == kind


def test_a_folder_is_a_scene_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "garden.jpg").mkdir()
    assert kind_of(str(tmp_path / "garden.jpg")) == "radiance"


def test_every_kind_has_a_default_field(tmp_path: Path) -> None:
    assert {PRESETS[field].kind for field in DEFAULTS.values()} == set(DEFAULTS)
    assert resolve(str(write_picture(tmp_path))).field == "hash-image"
    assert resolve(str(write_mesh(tmp_path))).field == "hash-sdf"
    assert resolve("clip.mp4").field == "hash-video"
    assert resolve("photos").field == "ngp"
    recipe = tmp_path / "photo.toml"
    recipe.write_text('data = "photo.png"\n')
    assert resolve(str(recipe)).field == "hash-image"


def test_a_field_for_something_else_is_refused(tmp_path: Path) -> None:
    photo = str(write_picture(tmp_path))
    message = r"photo\.png is an image and must have .* got 'ngp', which is made for a scene; ch"
    with pytest.raises(InputError, match=message):
        resolve(photo, {"field": "ngp"})
    with pytest.raises(InputError, match="photos is a scene .*choose one of ngp"):
        resolve("photos", {"field": "hash-image"})


def test_only_scenes_have_an_occupancy_grid(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"keys must be known, got 'occupancy\.levels'"):
        resolve(str(write_picture(tmp_path)), {}, ["occupancy.levels=2"])
