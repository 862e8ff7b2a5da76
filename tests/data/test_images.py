"""Image files: conversion, downscaling and refusals."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from nfield.data.images import Photos, header, reduce
from nfield.errors import InputError


def _read(file, channels=3, downscale=1):
    return Photos((file,), (None,), channels, downscale).image(0)


def test_sixteen_bits_keep_the_whole_range(tmp_path):
    values = np.array([[0, 128, 129, 32768, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    # Rounded value / 257: 128 is below half a step of 257, 129 above.
    assert _read(tmp_path / "deep.png")[0, :, 0].tolist() == [0, 0, 1, 128, 255]


def test_palette_with_transparency_becomes_straight_alpha(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1])
    image.save(tmp_path / "palette.png", transparency=0)
    assert header(tmp_path / "palette.png").alpha
    assert _read(tmp_path / "palette.png", 4).tolist() == [[[10, 20, 30, 0], [200, 100, 50, 255]]]


def test_opaque_images_of_a_scene_with_alpha_are_opaque(tmp_path):
    Image.new("RGB", (2, 2), (9, 8, 7)).save(tmp_path / "rgb.png")
    assert not header(tmp_path / "rgb.png").alpha
    assert (_read(tmp_path / "rgb.png", 4) == [9, 8, 7, 255]).all()


def test_downscaling_averages_areas_and_crops_the_remainder():
    values = np.arange(5 * 7, dtype=np.uint8).reshape(5, 7) * 4
    small = np.asarray(reduce(Image.fromarray(values), 2))
    expected = values[:4, :6].reshape(2, 2, 3, 2).mean(axis=(1, 3))
    assert small.shape == (2, 3)
    # One rounding to 8 bits.
    assert np.abs(small - expected).max() <= 0.5


def test_transparent_pixels_give_no_colour_when_downscaled():
    values = np.zeros((2, 2, 4), np.uint8)
    values[0, 0] = (200, 100, 40, 255)
    values[1, 1] = (7, 250, 3, 0)
    small = np.asarray(reduce(Image.fromarray(values), 2))[0, 0]
    # Alpha 63.75 is kept to half a step, which moves straight colours by 255 / 64 / 2 steps.
    assert abs(int(small[3]) - 63.75) <= 0.5
    assert np.abs(small[:3].astype(int) - (200, 100, 40)).max() <= 3


def test_refuses_what_is_no_image(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(InputError, match="text.png: image must be a readable PNG"):
        header(tmp_path / "text.png")


@pytest.mark.parametrize("name", ["cut.png", "cut.jpg"])
def test_refuses_truncated_images_at_the_header_check(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    file = tmp_path / name
    Image.fromarray(noise).save(file)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(InputError, match=f"{name}: image must be complete"):
        header(file)


@pytest.mark.parametrize("side", [15_000, 40_000])
def test_refuses_bombs_before_decoding(tmp_path, side):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    size = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    content = chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    with pytest.raises(InputError, match="bomb.png: image must have at most"):
        header(tmp_path / "bomb.png")


def test_refuses_floating_point(tmp_path):
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "float.tiff")
    with pytest.raises(InputError, match="float.tiff: image must have 8 or 16 bits"):
        _read(tmp_path / "float.tiff")
