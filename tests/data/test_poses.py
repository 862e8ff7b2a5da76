"""Poses of plain photos, through COLMAP: what is asked of it, and what it is told to refuse."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from nfield.data.load import load_scene
from nfield.data.poses import find_poses
from nfield.errors import InputError

from . import colmap_files
from .formats import write_photos


class Colmap:
    """Stands for pycolmap: writes the models that it is told to."""

    CameraMode = SimpleNamespace(SINGLE="single")

    def __init__(self, models: list[list[str]]):
        self.models = models
        self.logging = SimpleNamespace(minloglevel=0)
        self.calls: list[str] = []

    def ImageReaderOptions(self, camera_model: str) -> str:
        return camera_model

    def extract_features(self, database, place, *, image_names, camera_mode, reader_options):
        assert all((place / name).is_file() for name in image_names)
        assert (camera_mode, reader_options) == ("single", "OPENCV")
        self.calls.append("extract")

    def match_exhaustive(self, database):
        self.calls.append("pairs")

    def match_sequential(self, database):
        self.calls.append("neighbours")

    def incremental_mapping(self, database, place, out, *, next_image_callback):
        found = {}
        for i, names in enumerate(self.models):
            colmap_files.write_binary(out / str(i), ["OPENCV"], names=names)
            count = len(names)
            found[i] = SimpleNamespace(
                num_reg_images=lambda count=count: count, num_points3D=lambda: 5
            )
        next_image_callback()
        return found


@pytest.fixture
def colmap(monkeypatch) -> Colmap:
    fake = Colmap([colmap_files.NAMES[:2], colmap_files.NAMES])
    monkeypatch.setitem(sys.modules, "pycolmap", fake)
    return fake


@pytest.mark.parametrize("place", ["images", "input", "."])
def test_the_largest_model_makes_a_scene(tmp_path: Path, colmap: Colmap, place: str) -> None:
    write_photos(tmp_path / place, colmap_files.NAMES, colmap_files.SIZE)
    with pytest.raises(InputError, match="photos must have poses, got 9 photos alone; .*data pos"):
        load_scene(str(tmp_path))
    seen: list[int] = []
    result = find_poses(str(tmp_path), watch=seen.append)
    assert (result["photos"], result["registered"], result["points"]) == (9, 9, 5)
    assert colmap.calls == ["extract", "pairs"]
    assert colmap.logging.minloglevel == 1
    assert seen == [9]
    assert sum(map(len, load_scene(str(tmp_path)).splits.values())) == 9
    with pytest.raises(InputError, match="must have no poses yet"):
        find_poses(str(tmp_path))


def test_frames_of_a_film_are_matched_with_neighbours(tmp_path: Path, colmap: Colmap) -> None:
    write_photos(tmp_path, colmap_files.NAMES, colmap_files.SIZE)
    find_poses(str(tmp_path), video=True)
    assert colmap.calls == ["extract", "neighbours"]


def test_photos_of_nothing_are_refused(tmp_path: Path, colmap: Colmap) -> None:
    colmap.models = []
    write_photos(tmp_path, colmap_files.NAMES, colmap_files.SIZE)
    with pytest.raises(InputError, match="photos must show one scene .* got 9 in which"):
        find_poses(str(tmp_path))
    assert not (tmp_path / "sparse").exists()


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pycolmap", None)
    write_photos(tmp_path, colmap_files.NAMES, colmap_files.SIZE)
    with pytest.raises(InputError, match=r"finding poses needs pycolmap.*nfield-engine\[colmap\]"):
        find_poses(str(tmp_path))


def test_refuses_a_folder_without_photos(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must hold photos, got none"):
        find_poses(str(tmp_path))
