"""transforms.json of instant-ngp and nerfstudio."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nfield.data.load import load_scene
from nfield.errors import InputError


def test_every_eighth_frame_by_name_is_a_test_frame(dataset):
    scene = load_scene(str(dataset(17, edit=lambda d: d["frames"].reverse())))
    assert scene.splits["test"].names == ("images/00", "images/08", "images/16")
    assert scene.splits["train"].names[:2] == ("images/01", "images/02")
    assert len(scene.splits["train"]) == 14


def test_a_file_and_its_folder_load_the_same_scene(dataset):
    folder = dataset()
    first, second = load_scene(str(folder)), load_scene(str(folder / "transforms.json"))
    assert first.splits["train"].names == second.splits["train"].names
    assert first.name == second.name == folder.name


def test_opengl_axes_become_opencv_axes(dataset):
    scene = load_scene(str(dataset(8)))
    camera = scene.splits["test"].cameras  # frame 0, on the x axis
    expected = [[0, 0, -1, 3], [1, 0, 0, 0], [0, -1, 0, 0]]
    # Exact but for the rounding of cos and sin, and of the orthonormalisation.
    assert torch.allclose(camera.camera_to_world[0], torch.tensor(expected).float(), atol=1e-6)


def test_frames_override_shared_intrinsics(dataset):
    def edit(document):
        document.update(fl_y=11.0, cx=5.0, cy=3.0, k1=0.1, p2=0.02)
        document["frames"][3].update(fl_x=20.0, cx=7.0, k1=0.3)

    cameras = load_scene(str(dataset(edit=edit))).splits["train"].cameras
    # Frame 0 and 8 are test frames: frame 3 is the third of the training split.
    assert cameras.intrinsics[2].tolist() == [20, 11, 7, 3]
    assert cameras.intrinsics[1].tolist() == [10, 11, 5, 3]
    assert torch.allclose(cameras.distortion[2], torch.tensor([0.3, 0, 0, 0, 0, 0.02]))


def test_angles_of_view_give_focal_lengths(dataset):
    def edit(document):
        del document["fl_x"]
        document.update(camera_angle_x=math.pi / 2, camera_angle_y=2 * math.atan(0.5))

    cameras = load_scene(str(dataset(edit=edit))).splits["train"].cameras
    # 12 / (2 tan 45 degrees) and 8 / (2 * 0.5), to float32.
    assert torch.allclose(cameras.intrinsics[0], torch.tensor([6.0, 8.0, 6.0, 4.0]))


@pytest.mark.parametrize(
    ("keys", "lens"),
    [
        ({}, 0),
        ({"camera_model": "PINHOLE"}, 0),
        ({"camera_model": "OPENCV"}, 0),
        ({"camera_model": "OPENCV_FISHEYE"}, 1),
        ({"is_fisheye": True}, 1),
    ],
)
def test_lens_follows_the_camera_model(dataset, keys, lens):
    cameras = load_scene(str(dataset(edit=lambda d: d.update(keys)))).splits["train"].cameras
    assert cameras.lens.tolist() == [lens] * len(cameras)


def test_listed_splits_are_respected(dataset):
    def edit(document):
        names = [frame["file_path"] for frame in document["frames"]]
        document.update(
            train_filenames=names[:5], val_filenames=["./" + names[5]], test_filenames=names[6:]
        )

    scene = load_scene(str(dataset(edit=edit)))
    assert {split: len(views) for split, views in scene.splits.items()} == {
        "train": 5,
        "test": 3,
        "val": 1,
    }


def test_listed_splits_keep_their_order(dataset):
    def edit(document):
        names = [frame["file_path"] for frame in document["frames"]]
        document.update(train_filenames=[names[5], names[2], names[5]], test_filenames=[names[0]])

    scene = load_scene(str(dataset(edit=edit)))
    assert scene.splits["train"].names == ("images/05", "images/02")


def test_a_box_bounds_the_scene(dataset):
    box = [[-1, -2, -1], [1, 2, 3]]
    bounds = load_scene(str(dataset(edit=lambda d: d.update(aabb=box)))).bounds
    assert (bounds.center, bounds.half_size, bounds.unbounded) == ((0.0, 0.0, 1.0), 2.0, False)
    assert bounds.hull is not None
    # Half as wide as long; cells of 1/32 that touch the box are kept on both sides of x.
    assert abs(bounds.hull.mean() - 0.5) <= 2 / 64


def test_masks_leave_out_pixels_that_are_black_anywhere(dataset):
    folder = dataset(edit=lambda d: d["frames"][1].update(mask_path="mask.png"))
    mask = np.full((8, 12), 255, np.uint8)
    mask[0, 0] = 0
    Image.fromarray(mask).save(folder / "mask.png")
    views = load_scene(str(folder), downscale=2).splits["train"]
    expected = np.ones((4, 6), bool)
    expected[0, 0] = False
    assert (views.mask(0) == expected).all()
    assert views.mask(1) is None
    pixels = views.pixels()
    assert pixels.valid is not None
    assert pixels.valid.tolist() == list(range(1, len(pixels.color)))


def test_a_frame_listed_twice_gets_its_own_name_and_a_note(dataset):
    scene = load_scene(str(dataset(edit=lambda d: d["frames"].append(d["frames"][3]))))
    names = [name for views in scene.splits.values() for name in views.names]
    assert len(set(names)) == len(names) == 10
    assert scene.notes == ("images/03 is listed 2 times",)


def test_only_frames_with_sharpness_may_lack_their_image(dataset):
    folder = dataset(edit=lambda d: d["frames"][2].update(sharpness=12.0))
    (folder / "images/02.png").unlink()
    scene = load_scene(str(folder))
    assert scene.notes == ("1 of 9 frames have no image and are left out",)
    (folder / "images/03.png").unlink()
    with pytest.raises(InputError, match="frame 3: file_path must name an image.*restore"):
        load_scene(str(folder))


def test_fox_loads(shared_data):
    scene = load_scene(str(shared_data("fox")), downscale=4)
    assert {split: len(views) for split, views in scene.splits.items()} == {"train": 43, "test": 7}
    assert scene.splits["train"].cameras.size[0].tolist() == [270, 480]
    assert scene.splits["train"].image(0).shape == (480, 270, 3)
    assert scene.bounds.unbounded


def _set(key, value, frame=None):
    def edit(document):
        (document if frame is None else document["frames"][frame])[key] = value

    return edit


_SCALED = np.diag([2.0, 2.0, 2.0, 1.0]).tolist()
_TRANSPOSED = np.array(np.eye(4) + np.diag([3.0], -3)).tolist()
_MIRRORED = np.diag([1.0, 1.0, -1.0, 1.0]).tolist()
_NAN = [[math.nan] * 4] * 4
REFUSALS = {
    "frames": (_set("frames", []), "frames must be a list that is not empty"),
    "frame": (_set("frames", [3]), "frame 0 must be an object, got int"),
    "no path": (lambda d: d["frames"][2].pop("file_path"), "frame 2: file_path must be present"),
    "path above": (
        lambda d: d.update(file_path=d["frames"][2].pop("file_path")),
        "frame 2: file_path must be present",
    ),
    "path type": (_set("file_path", 3, 1), "frame 1: file_path must be a string"),
    "path NUL": (_set("file_path", "a\0b", 1), "frame 1: file_path must be a usable path"),
    "outside": (_set("file_path", "../secret.png", 1), "frame 1: file_path must stay inside"),
    "absolute": (_set("file_path", "/etc/passwd", 1), "frame 1: file_path must stay inside"),
    "no pose": (
        lambda d: d["frames"][2].pop("transform_matrix"),
        "frame 2: transform_matrix must be present",
    ),
    "pose shape": (_set("transform_matrix", [[1.0, 2.0]], 4), "frame 4: .* must be 4x4 or 3x4"),
    "pose NaN": (_set("transform_matrix", _NAN, 4), "frame 4: transform_matrix must be finite"),
    "pose transposed": (_set("transform_matrix", _TRANSPOSED, 4), "frame 4: .* must have 0 0 0 1"),
    "pose scale": (_set("transform_matrix", _SCALED, 4), "frame 4: .* must hold a rotation"),
    "pose mirror": (_set("transform_matrix", _MIRRORED, 4), "frame 4: .* must hold a rotation"),
    "focal zero": (_set("fl_x", 0), "fl_x must be above zero, got 0"),
    "focal negative": (_set("fl_y", -3.0, 5), "frame 5: fl_y must be above zero, got -3.0"),
    "focal infinite": (_set("fl_x", math.inf), "fl_x must be a finite number, got inf"),
    "no focal": (lambda d: d.pop("fl_x"), "fl_x or camera_angle_x must be present"),
    "angle": (
        lambda d: (d.pop("fl_x"), d.update(camera_angle_x=4)),
        "camera_angle_x must be between 0 and pi",
    ),
    "size": (_set("w", 13), "w must equal the size of .*00.png .12x8., got 13"),
    "model": (_set("camera_model", "EQUIRECTANGULAR"), "camera_model must be one of .*OPENCV"),
    "ftheta": (_set("ftheta_p0", 1.0), "ftheta_p0 must be absent"),
    "aabb": (_set("aabb", [[1, 1, 1], [0, 0, 0]]), "aabb must be two corners of three numbers"),
    "aabb shape": (_set("aabb", [[1, 1], [2, 2]]), "aabb must be two corners of three numbers"),
    "aabb infinite": (_set("aabb", [[0, 0, 0], [1, 1, math.inf]]), "aabb must be two corners"),
    "time": (_set("time", "noon", 2), "frame 2: time must be a finite number, got 'noon'"),
    "list": (_set("test_filenames", ["no.png"]), "test_filenames must name frames, got 'no.png'"),
    "mask": (_set("mask_path", "no.png", 1), "frame 1: mask_path must name an image of 12x8"),
    "one view": (lambda d: d["frames"].__delitem__(slice(1, None)), "at least two views, got 1"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refuses(dataset, name):
    edit, message = REFUSALS[name]
    with pytest.raises(InputError, match=message):
        load_scene(str(dataset(edit=edit)))


def test_refuses_links_that_leave_the_folder(dataset, tmp_path_factory):
    folder = dataset()
    outside = tmp_path_factory.mktemp("outside") / "photo.png"
    Image.new("RGB", (12, 8)).save(outside)
    (folder / "images/03.png").unlink()
    os.symlink(outside, folder / "images/03.png")
    with pytest.raises(InputError, match="frame 3: file_path must stay inside"):
        load_scene(str(folder))


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "must be JSON"), ("[" * 10**5, "must be JSON"), ("[1]", "must hold a JSON object")],
)
def test_refuses_what_is_no_document(tmp_path: Path, text, message):
    (tmp_path / "transforms.json").write_text(text)
    with pytest.raises(InputError, match=f"transforms.json: {message}"):
        load_scene(str(tmp_path))


def test_refuses_folders_without_a_scene(tmp_path: Path):
    with pytest.raises(InputError, match="must hold transforms_train.json or transforms.json"):
        load_scene(str(tmp_path))
    with pytest.raises(InputError, match="got a path that does not exist"):
        load_scene(str(tmp_path / "missing"))


@pytest.mark.parametrize("downscale", [0, -1, 9])
def test_refuses_downscale_that_leaves_nothing(dataset, downscale):
    with pytest.raises(InputError, match=f"downscale: must be .* got {downscale}"):
        load_scene(str(dataset()), downscale=downscale)
