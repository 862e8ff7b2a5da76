"""Pictures: kinds of files that are read, and refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nfield.data.picture import load_picture
from nfield.errors import InputError
from tests.targets import HEIGHT, WIDTH, pattern, write_picture


def pixels(file: Path, **options) -> np.ndarray:
    return load_picture(str(file), **options).pixels.values.numpy()


def test_colours_are_kept_and_named_after_the_file(tmp_path: Path) -> None:
    picture = load_picture(str(write_picture(tmp_path)))
    assert (picture.name, picture.notes) == ("photo", ())
    assert np.array_equal(picture.pixels.values, pattern())


@pytest.mark.parametrize("mode", ["L", "1", "I;16"])
def test_grey_images_have_one_channel(tmp_path: Path, mode: str) -> None:
    grey = np.asarray(Image.fromarray(pattern()).convert("L"))
    if mode == "I;16":
        Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "grey.png")
    else:
        Image.fromarray(grey).convert(mode).save(tmp_path / "grey.png")
    picture = load_picture(str(tmp_path / "grey.png"))
    assert picture.pixels.out_dim == 1
    if mode != "1":
        assert np.array_equal(picture.pixels.values[..., 0], grey)
    assert picture.notes == (("16 bits a channel were rounded to 8",) if mode == "I;16" else ())


def test_a_palette_is_resolved_and_said_so(tmp_path: Path) -> None:
    file = write_picture(tmp_path, mode="P")
    want = np.asarray(Image.open(file).convert("RGB"))
    picture = load_picture(str(file))
    assert np.array_equal(picture.pixels.values, want)
    assert picture.notes == ("the palette was resolved to sRGB",)


@pytest.mark.parametrize(("background", "value"), [("white", 255), ("random", 255), ("black", 0)])
@pytest.mark.parametrize("channels", [2, 4])
def test_transparency_is_composited_and_said_so(
    tmp_path: Path, background: str, value: int, channels: int
) -> None:
    image = np.full((4, 6, channels), 100, np.uint8)
    image[:2, :, -1], image[2:, :, -1] = 0, 255
    Image.fromarray(image).save(tmp_path / "alpha.png")
    picture = load_picture(str(tmp_path / "alpha.png"), background=background)
    assert picture.pixels.values.shape == (4, 6, channels - 1)
    assert bool((picture.pixels.values[:2] == value).all())
    assert bool((picture.pixels.values[2:] == 100).all())
    behind = "black" if value == 0 else "white"
    assert picture.notes == (f"transparency was composited on {behind}",)


def test_photos_are_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: turn clockwise by a quarter
    Image.fromarray(pattern()).save(tmp_path / "phone.png", exif=exif)
    picture = load_picture(str(tmp_path / "phone.png"))
    assert np.array_equal(picture.pixels.values, np.rot90(pattern(), -1))
    assert picture.notes == ("the picture was turned upright as its EXIF data say",)


def test_downscaling_averages_areas(tmp_path: Path) -> None:
    small = pixels(write_picture(tmp_path), downscale=4)
    mean = pattern().reshape(HEIGHT // 4, 4, WIDTH // 4, 4, 3).mean((1, 3))
    assert small.shape == (HEIGHT // 4, WIDTH // 4, 3)
    assert np.abs(small - mean).max() <= 0.5  # rounding


def test_too_small_for_the_downscale_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at most the image's shorter side, got 41 for 48x40"):
        pixels(write_picture(tmp_path), downscale=41)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    file = write_picture(tmp_path)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"photo\.png: image must be complete"):
        pixels(file)
    file.write_bytes(b"\x89PNG")
    with pytest.raises(InputError, match=r"photo\.png: image must be a readable PNG, JPEG"):
        pixels(file)
    with pytest.raises(InputError, match=r"absent\.png: image must be a file, got none"):
        pixels(tmp_path / "absent.png")


def test_floating_point_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), np.nan, np.float32)).save(tmp_path / "nan.tiff")
    with pytest.raises(InputError, match="must have 8 or 16 bits a channel, got floating point"):
        pixels(tmp_path / "nan.tiff")


def test_decompression_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_picture(tmp_path)
    monkeypatch.setattr("nfield.data.images.MAX_PIXELS", WIDTH * HEIGHT - 1)
    with pytest.raises(InputError, match="must have at most 1919 pixels, got 48x40"):
        pixels(file)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(InputError, match="got a decompression bomb"):
        pixels(file)
