"""Blender / NeRF-Synthetic folders."""

from __future__ import annotations

import json
import shutil

import numpy as np
import torch

from nfield.data.load import load_scene, read_capture


def test_splits_keep_the_order_of_their_files(photos):
    scene = load_scene(str(photos))
    assert scene.splits["train"].names == tuple(f"train/{i}" for i in range(12))
    assert scene.splits["test"].names == tuple(f"test/{i}" for i in range(3))
    assert scene.splits["train"].channels == 4
    assert scene.splits["train"].truth(0) is None


def test_without_test_split_every_eighth_training_frame_is_one(photos, tmp_path):
    shutil.copytree(photos / "train", tmp_path / "train")
    shutil.copy(photos / "transforms_train.json", tmp_path)
    scene = load_scene(str(tmp_path))
    assert scene.splits["test"].names == ("train/0", "train/8")
    assert len(scene.splits["train"]) == 10


def test_paths_may_have_extensions(photos, tmp_path):
    shutil.copytree(photos, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "transforms_train.json"
    document = json.loads(file.read_text())
    for frame in document["frames"]:
        frame["file_path"] += ".png"
    file.write_text(json.dumps(document))
    first, second = load_scene(str(photos)), load_scene(str(tmp_path))
    assert torch.equal(first.splits["train"].pixels().color, second.splits["train"].pixels().color)


def test_times_are_kept_and_told(photos, tmp_path):
    shutil.copytree(photos, tmp_path, dirs_exist_ok=True)
    for split in ("train", "test"):
        file = tmp_path / f"transforms_{split}.json"
        document = json.loads(file.read_text())
        for i, frame in enumerate(document["frames"]):
            frame["time"] = i / 11
        file.write_text(json.dumps(document))
    capture = read_capture(tmp_path)
    assert [frame.time for frame in capture.splits["test"]] == [0, 1 / 11, 2 / 11]
    assert capture.notes == (
        "frames have times from 0 to 1: fields of scenes stand still, and see them all as one "
        "moment",
    )


def test_pixels_are_packed_view_after_view(photos):
    views = load_scene(str(photos), downscale=2).splits["test"]
    pixels = views.pixels()
    assert pixels.valid is None
    assert pixels.offset.tolist() == [0, 256, 512, 768]
    for i in range(3):
        packed = pixels.color[pixels.offset[i] : pixels.offset[i + 1]].numpy()
        assert np.array_equal(packed.reshape(16, 16, 4), views.image(i))


def test_chair_is_found_whole(shared_data):
    scene = load_scene(str(shared_data("nerf_synthetic/chair")), downscale=8)
    assert {split: len(views) for split, views in scene.splits.items()} == {
        "train": 100,
        "test": 200,
    }
    bounds = scene.bounds
    # The chair stands from -1 to 1 on its longest side; a cell and a margin are left around it.
    assert 1.0 <= bounds.half_size <= 1.25
    assert np.abs(bounds.center).max() < 0.15
    assert not bounds.unbounded
    # A chair fills a tenth of its box.
    assert bounds.hull is not None and 0.03 < bounds.hull.mean() < 0.25
