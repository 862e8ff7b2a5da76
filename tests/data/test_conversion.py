"""Any format as transforms.json, and read back: the same scene to the last digit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nfield import cli
from nfield.data.conversion import convert
from nfield.data.load import load_scene, read_capture
from nfield.errors import InputError

from . import colmap_files, test_dtu, test_llff, test_nsvf
from .formats import write_photos


def _colmap(folder: Path) -> None:
    models = ["SIMPLE_RADIAL", "OPENCV", "FULL_OPENCV", "OPENCV_FISHEYE"]
    colmap_files.write_binary(folder / "sparse/0", models)
    write_photos(folder / "images", colmap_files.NAMES, colmap_files.SIZE)
    write_photos(folder / "masks", ["IMG_01.png.png"], colmap_files.SIZE, mode="L")


def _llff(folder: Path) -> None:
    np.save(folder / "poses_bounds.npy", test_llff.rows())
    write_photos(folder / "images", test_llff.NAMES, test_llff.SIZE)


def _nsvf(folder: Path) -> None:
    test_nsvf.write(folder)
    (folder / "bbox.txt").write_text("-1 -0.5 -0.25 1 1.5 0.75 0.4\n")


def _dtu(folder: Path) -> None:
    np.savez(folder / "cameras.npz", **test_dtu.cameras())
    write_photos(folder / "image", test_dtu.NAMES, test_dtu.SIZE)
    write_photos(folder / "mask", test_dtu.NAMES, test_dtu.SIZE, mode="L")


def _dnerf(folder: Path) -> None:
    for split, count in (("train", 11), ("val", 2), ("test", 3)):
        names = [f"{split}/r_{i}" for i in range(count)]
        write_photos(folder, [f"{name}.png" for name in names], (16, 12), mode="RGBA")
        frames = []
        for i, name in enumerate(names):
            pose = np.diag([1.0, -1.0, -1.0, 1.0])
            pose[:3, 3] = (i / 3, len(split), 4)
            frames.append(
                {"file_path": f"./{name}", "transform_matrix": pose.tolist(), "time": i / 10}
            )
        document = {"camera_angle_x": 0.7, "frames": frames}
        (folder / f"transforms_{split}.json").write_text(json.dumps(document))


FORMATS: dict[str, Callable[[Path], None]] = {
    "COLMAP": _colmap,
    "LLFF": _llff,
    "NSVF": _nsvf,
    "DTU": _dtu,
    "D-NeRF": _dnerf,
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_converted_dataset_is_the_same(tmp_path: Path, name: str) -> None:
    source, out, again = tmp_path / "source", tmp_path / "out", tmp_path / "again"
    source.mkdir()
    FORMATS[name](source)
    result = convert(str(source), str(out))
    first = read_capture(source)
    shutil.rmtree(source)  # the copy stands alone
    second = read_capture(out)
    assert {split: result[split] for split in first.splits} == {
        split: len(frames) for split, frames in first.splits.items()
    }
    assert result["format"] == first.format
    assert list(second.splits) == sorted(first.splits, key=("train", "test", "val").index)
    assert (first.box is None) == (second.box is None)
    assert first.box is None or (first.box == second.box).all()
    for split, frames in first.splits.items():
        assert [frame.name for frame in second.splits[split]] == [frame.name for frame in frames]
        for old, new in zip(frames, second.splits[split]):
            assert new.lens == old.lens
            # Rotations are orthonormalised once more as they are read: rounding of float64.
            assert np.abs(new.camera_to_world - old.camera_to_world).max() < 1e-14
            assert (new.header, new.time) == (old.header, old.time)
            assert (new.mask is None) == (old.mask is None)
    convert(str(out), str(again))
    files = sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    for file in files:
        if file.name != "transforms.json":
            assert (out / file).read_bytes() == (again / file).read_bytes()


def test_what_all_frames_share_stands_once(tmp_path: Path, photos: Path) -> None:
    convert(str(photos), str(tmp_path / "out"))
    document = json.loads((tmp_path / "out/transforms.json").read_text())
    assert document["camera_model"] == "OPENCV"
    assert {"w", "h", "fl_x", "fl_y", "cx", "cy", "k1", "p2"} <= document.keys()
    assert all(frame.keys() == {"file_path", "transform_matrix"} for frame in document["frames"])
    assert document["train_filenames"][:2] == ["train/0.png", "train/1.png"]


def test_a_factor_takes_the_stored_images(tmp_path: Path) -> None:
    _colmap(tmp_path)
    shutil.rmtree(tmp_path / "masks")
    write_photos(tmp_path / "images_2", colmap_files.NAMES, (20, 15))
    convert(str(tmp_path), str(tmp_path / "half"), downscale=2)
    views = load_scene(str(tmp_path / "half")).splits["train"]
    expected = load_scene(str(tmp_path), downscale=2).splits["train"]
    assert views.cameras.size[0].tolist() == [20, 15]
    assert (views.cameras.intrinsics == expected.cameras.intrinsics).all()
    with pytest.raises(InputError, match="images of that size must be stored, got 4 and no .*s_4"):
        convert(str(tmp_path), str(tmp_path / "quarter"), downscale=4)


def test_a_frame_in_two_splits_is_kept_in_both(tmp_path: Path, dataset) -> None:
    def edit(document):
        names = [frame["file_path"] for frame in document["frames"]]
        document.update(train_filenames=names[:8], test_filenames=names[7:])

    source = dataset(edit=edit)
    convert(str(source), str(tmp_path / "out"))
    scene = load_scene(str(tmp_path / "out"))
    assert scene.splits["test"].names == ("images/07#2", "images/08")
    assert len(scene.splits["train"]) == 8


def test_refuses_a_folder_with_files(tmp_path: Path, dataset) -> None:
    folder = dataset()
    with pytest.raises(InputError, match="must be a new or empty folder, got one with files"):
        convert(str(folder), str(folder))


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path: Path, dataset) -> None:
    folder = dataset()
    with pytest.raises(InputError, match="must be a place that can be written to"):
        convert(str(folder), str(folder / "transforms.json" / "out"))


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path, dataset) -> None:
    def stop(total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(str(dataset()), str(tmp_path / "new" / "out"), watch=stop)
    assert not any((tmp_path / "new").iterdir())


def test_the_program_converts(tmp_path: Path, photos: Path, capsys) -> None:
    out = str(tmp_path / "out")
    assert cli.main(["data", "convert", str(photos), out, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values == {
        "out": out,
        "format": "Blender / NeRF-Synthetic",
        "train": 12,
        "test": 3,
        "notes": [],
    }
    assert cli.main(["data", "convert", str(photos), out]) == 2
    assert "must be a new or empty folder" in capsys.readouterr().err


def test_the_empty_folder_at_hand_will_do(tmp_path: Path, dataset, monkeypatch) -> None:
    folder = dataset()
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.chdir(out)
    convert(str(folder), ".")
    assert load_scene(str(out)).splits.keys() == load_scene(str(folder)).splits.keys()
