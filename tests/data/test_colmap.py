"""COLMAP's sparse models: every camera model exactly or refused by name, any layout, any damage."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nfield.data.load import load_scene
from nfield.errors import InputError

from . import colmap_files
from .colmap_files import MODELS, NAMES, REFUSED, SIZE, write_binary, write_text
from .formats import check_projection, write_photos

WRITERS = {"binary": write_binary, "text": write_text}


@pytest.fixture(params=WRITERS)
def write(request):
    return WRITERS[request.param]


def number(name: str) -> int:
    return int(name.removeprefix("IMG_")[:2])


@pytest.mark.parametrize("model", [name for name in MODELS if name not in REFUSED])
def test_points_project_as_colmap_says(tmp_path: Path, model: str, write) -> None:
    write(tmp_path / "sparse/0", [model])
    write_photos(tmp_path / "images", NAMES, SIZE)
    scene = load_scene(str(tmp_path))
    values = MODELS[model][1]
    check_projection(scene, lambda name, x: colmap_files.pixels(model, values, number(name), x))
    assert scene.notes == ()
    assert scene.format == "COLMAP, images"


@pytest.mark.parametrize("model", REFUSED)
def test_other_models_are_refused_by_name(tmp_path: Path, model: str, write) -> None:
    write(tmp_path / "sparse/0", [model])
    write_photos(tmp_path / "images", NAMES, SIZE)
    with pytest.raises(InputError, match=f"camera 1: model must be one .* got {model};"):
        load_scene(str(tmp_path))


@pytest.mark.parametrize(
    ("model", "parameter", "name"),
    [
        ("FULL_OPENCV", 9, "k4"),
        ("THIN_PRISM_FISHEYE", 6, "p1"),
        ("RAD_TAN_THIN_PRISM_FISHEYE", 8, "k4"),
        ("RAD_TAN_THIN_PRISM_FISHEYE", 15, "s3"),
    ],
)
def test_parameters_that_a_lens_lacks_must_be_0(
    tmp_path: Path, monkeypatch, model: str, parameter: int, name: str
) -> None:
    code, values = MODELS[model]
    wrong = [*values[:parameter], 0.125, *values[parameter + 1 :]]
    monkeypatch.setitem(MODELS, model, (code, wrong))
    write_binary(tmp_path / "sparse/0", [model])
    write_photos(tmp_path / "images", NAMES, SIZE)
    with pytest.raises(InputError, match=f"{name} of {model} must be 0, got 0.125"):
        load_scene(str(tmp_path))


@pytest.mark.parametrize("place", ["sparse/0", "sparse", "colmap/sparse/0", "."])
def test_a_model_may_lie_in_several_places(tmp_path: Path, place: str, write) -> None:
    write(tmp_path / place, ["PINHOLE"])
    write_photos(tmp_path / "images", NAMES, SIZE)
    scene = load_scene(str(tmp_path))
    assert scene.splits["test"].names == ("images/IMG_00", "images/IMG_08")
    assert len(scene.splits["train"]) == 7


def test_photos_may_lie_beside_the_model(tmp_path: Path) -> None:
    write_binary(tmp_path / "sparse/0", ["PINHOLE"])
    write_photos(tmp_path, NAMES, SIZE)
    assert load_scene(str(tmp_path)).format == "COLMAP"


def test_each_image_may_have_its_camera(tmp_path: Path, write) -> None:
    models = ["SIMPLE_RADIAL", "OPENCV_FISHEYE", "OPENCV", "PINHOLE"]
    write(tmp_path / "sparse/0", models)
    write_photos(tmp_path / "images", NAMES, SIZE)

    def law(name: str, points: np.ndarray) -> np.ndarray:
        model = models[number(name) % 4]
        return colmap_files.pixels(model, MODELS[model][1], number(name), points)

    check_projection(load_scene(str(tmp_path)), law)


def test_a_factor_picks_the_folder_of_smaller_images(tmp_path: Path) -> None:
    write_binary(tmp_path / "sparse/0", ["OPENCV"])
    write_photos(tmp_path / "images", NAMES, SIZE)
    write_photos(tmp_path / "images_2", NAMES, (20, 15))
    write_photos(tmp_path / "images_4", NAMES, (10, 8))  # 30 / 4, rounded up
    values = MODELS["OPENCV"][1]
    for factor, name, size in ((2, "images_2", [20, 15]), (4, "images_4", [10, 8])):
        scene = load_scene(str(tmp_path), downscale=factor)
        assert scene.format == f"COLMAP, {name}"
        assert scene.splits["train"].cameras.size[0].tolist() == size
        assert scene.splits["train"].image(0).shape == (size[1], size[0], 3)
        per_axis = np.array(SIZE) / size
        check_projection(
            scene,
            lambda name, x, per_axis=per_axis: (
                colmap_files.pixels("OPENCV", values, number(name), x) / per_axis
            ),
        )
    scene = load_scene(str(tmp_path), downscale=5)
    assert (scene.format, scene.splits["train"].cameras.size[0].tolist()) == (
        "COLMAP, images",
        [8, 6],
    )


def test_smaller_copies_under_other_names_are_taken_in_order(tmp_path: Path) -> None:
    write_binary(tmp_path / "sparse/0", ["PINHOLE"])
    write_photos(tmp_path / "images", NAMES, SIZE)
    write_photos(tmp_path / "images_2", [f"image{i:03d}.png" for i in range(9)], (20, 15))
    scene = load_scene(str(tmp_path), downscale=2)
    assert scene.splits["test"].names == ("images/IMG_00", "images/IMG_08")
    with Image.open(tmp_path / "images_2/image008.png") as image:
        assert (scene.splits["test"].image(1) == np.asarray(image)).all()


def test_masks_lie_beside_the_images(tmp_path: Path) -> None:
    write_binary(tmp_path / "sparse/0", ["PINHOLE"])
    write_photos(tmp_path / "images", NAMES, SIZE)
    write_photos(tmp_path / "masks", ["IMG_01.png.png"], SIZE, mode="L")
    views = load_scene(str(tmp_path)).splits["train"]
    assert views.mask(0) is not None
    assert views.mask(1) is None
    write_photos(tmp_path / "masks", ["IMG_01.png.png"], (3, 3), mode="L")
    with pytest.raises(InputError, match="mask must have the size of its image, 40x30, got 3x3"):
        load_scene(str(tmp_path))


def test_what_does_not_match_is_told(tmp_path: Path, write) -> None:
    write(tmp_path / "sparse/0", ["PINHOLE"])
    write(tmp_path / "sparse/1", ["PINHOLE"])
    write_photos(tmp_path / "images", [*NAMES[2:-1], "IMG_08.bmp", "new.png"], SIZE)
    scene = load_scene(str(tmp_path))
    assert sum(map(len, scene.splits.values())) == 7  # a name may have another suffix
    assert scene.notes == (
        "2 of 9 registered images are not in images and are left out: 'IMG_00.png', 'IMG_01.png'",
        "1 of 8 images are not registered and are left out: new.png",
        f"{tmp_path / 'sparse'} holds 2 models, of which the first alone is read",
    )


def _renamed(folder: Path) -> None:
    for i, name in enumerate(NAMES):
        (folder / "images" / name).rename(folder / f"images/{i}.png")


def _smaller(folder: Path) -> None:
    write_photos(folder / "images", NAMES, (20, 15))


def _only_smaller(folder: Path) -> None:
    (folder / "images").rename(folder / "images_4")


def _no_images(folder: Path) -> None:
    shutil.rmtree(folder / "images")


def _edit(file: str, old: bytes, new: bytes):
    def edit(folder: Path) -> None:
        path = folder / "sparse/0" / file
        data = path.read_bytes()
        assert old in data
        path.write_bytes(data.replace(old, new))

    return edit


_FOCAL = struct.pack("<d", 35.5)
REFUSALS = {
    "renamed": (_renamed, "images must have the names .* got 9 .* and none of its 9 .'IMG_00.png'"),
    "smaller": (_smaller, "must have the size that its camera states .40x30., got 20x15"),
    "only smaller": (_only_smaller, "images must be in .*use --downscale .* .images_4."),
    "no images": (_no_images, "images must be in .*images, got none; copy"),
    "focal": (_edit("cameras.bin", _FOCAL, struct.pack("<d", -1)), "focal lengths must be above"),
    "NaN": (_edit("cameras.bin", _FOCAL, struct.pack("<d", np.nan)), "parameters must be finite"),
    "model": (
        _edit("cameras.bin", struct.pack("<iQ", 1, 40), struct.pack("<iQ", 99, 40)),
        "camera 1: model must be known .0 to 17., got 99",
    ),
    "size": (
        _edit("cameras.bin", struct.pack("<Q", 40), struct.pack("<Q", 0)),
        "camera 1: size must be from 1x1, got 0x30",
    ),
    "camera": (
        _edit("images.bin", struct.pack("<I", 1) + b"IMG_03", struct.pack("<I", 7) + b"IMG_03"),
        "image 'IMG_03.png' must have a camera of the model, got number 7",
    ),
    "pose": (
        _edit("images.bin", struct.pack("<d", colmap_files.world_to_camera(2)[0, 3]), b"\xff" * 8),
        "image 3: pose must be a unit quaternion and a finite translation",
    ),
    "count": (
        _edit("images.bin", struct.pack("<QI", 9, 1), struct.pack("<QI", 2**60, 1)),
        "items that a count promises must be there, got a count of 1152921504606846976 at byte 0",
    ),
    "no name": (_edit("images.bin", b"IMG_04.png\0", b"\0"), "image 5: name must not be empty"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refuses(tmp_path: Path, name: str) -> None:
    edit, message = REFUSALS[name]
    write_binary(tmp_path / "sparse/0", ["PINHOLE"])
    write_photos(tmp_path / "images", NAMES, SIZE)
    edit(tmp_path)
    with pytest.raises(InputError, match=message):
        load_scene(str(tmp_path))


TEXT_REFUSALS = {
    "unknown model": (
        _edit("cameras.txt", b"PINHOLE", b"WIDE"),
        "line 3: camera must have a number, a known model, .* got '1 WIDE",
    ),
    "parameters": (_edit("cameras.txt", b" 16", b""), "PINHOLE must have 4 parameters, got 3"),
    "word": (_edit("cameras.txt", b"35.5", b"wide"), "line 3: numbers must be numbers, got"),
    "short": (_edit("images.txt", b" 1 IMG_05.png", b""), "image must have a number, a quat"),
    "no number": (_edit("images.txt", b"1 IMG_05", b"x IMG_05"), "numbers must be numbers"),
}


@pytest.mark.parametrize("name", TEXT_REFUSALS)
def test_refuses_text(tmp_path: Path, name: str) -> None:
    edit, message = TEXT_REFUSALS[name]
    write_text(tmp_path / "sparse/0", ["PINHOLE"])
    write_photos(tmp_path / "images", NAMES, SIZE)
    edit(tmp_path)
    with pytest.raises(InputError, match=message):
        load_scene(str(tmp_path))


def test_names_never_lead_out_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "scene"
    write_photos(tmp_path, ["secret.png"], SIZE)
    write_binary(folder / "sparse/0", ["PINHOLE"], names=["../../secret.png", *NAMES[1:]])
    write_photos(folder / "images", NAMES[1:], SIZE)
    assert load_scene(str(folder)).notes == (
        "1 of 9 registered images are not in images and are left out: '../../secret.png'",
    )
    (folder / "images/IMG_01.png").unlink()
    (folder / "images/IMG_01.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(InputError, match="path must stay inside"):
        load_scene(str(folder))


def test_points_are_read(tmp_path: Path, write) -> None:
    write(tmp_path / "sparse/0", ["PINHOLE"])
    write_photos(tmp_path / "images", NAMES, SIZE)
    assert (load_scene(str(tmp_path)).points() == colmap_files.points()).all()
