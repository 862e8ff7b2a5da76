"""Pictures of colour, depth and normals."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from nfield.errors import InputError
from nfield.export.image import depth_colors, depth_range, normal_colors, write_depth, write_image
from nfield.render.colormap import colorize


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_holds_the_pixels(tmp_path, channels):
    image = np.random.default_rng(0).integers(0, 256, (7, 5, channels), dtype=np.uint8)
    write_image(tmp_path / "a.png", image[::-1])
    want = image[::-1, :, 0] if channels == 1 else image[::-1]
    assert (np.asarray(Image.open(tmp_path / "a.png")) == want).all()
    assert os.listdir(tmp_path) == ["a.png"]


def test_wrong_pictures_are_refused(tmp_path):
    image = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(InputError, match=r"a\.jpg: a picture's name must end in \.png, got \.jpg"):
        write_image(tmp_path / "a.jpg", image)
    for wrong in (image / 255.0, image[0], np.zeros((2, 2, 2), np.uint8)):
        with pytest.raises(ValueError, match=r"image must be \(H, W, 1, 3 or 4\) uint8, got"):
            write_image(tmp_path / "a.png", wrong)
    with pytest.raises(InputError, match="far must be positive, got 0"):
        write_depth(tmp_path / "a.png", np.ones((2, 2)), far=0)
    assert os.listdir(tmp_path) == []


def test_depth_file_gives_depth_back_to_half_a_step(tmp_path):
    depth = np.random.default_rng(0).uniform(0.5, 4.0, (9, 6)).astype(np.float32)
    depth[0, :3] = np.inf, 0.0, np.nan
    opacity = np.ones((9, 6))
    opacity[1, 0] = 0.49
    depth[2, 0], depth[2, 1] = 1e-9, 7.0
    write_depth(tmp_path / "d.png", depth, opacity, far=4.0)
    picture = Image.open(tmp_path / "d.png")
    far = float(picture.text["far"])
    values = np.asarray(picture).astype(np.int64)
    assert far == 4.0
    assert values.dtype != np.uint8
    assert values.max() == values[2, 1] == 65535  # cut at far
    assert (values[0, :3] == 0).all()
    assert values[1, 0] == 0
    assert values[2, 0] == 1  # near, but hit
    rest = np.s_[3:, :]
    np.testing.assert_allclose(values[rest] * far / 65535, depth[rest], atol=0.5 * far / 65535)


def test_depth_is_light_near_dark_far_and_white_where_nothing_is_hit():
    depth = np.array([[1.0, 2.0, 3.0, np.inf, 0.0, 2.0]])
    opacity = np.array([[1.0, 1.0, 1.0, 1.0, 1.0, 0.2]])
    colors = depth_colors(depth, opacity, limits=(1.0, 3.0))[0]
    assert (colors[:3] == colorize(np.array([1.0, 0.5, 0.0]))).all()
    assert (colors[3:] == 255).all()


def test_default_limits_are_percentiles_of_what_is_hit():
    depth = np.concatenate([np.linspace(2.0, 4.0, 101), np.full(50, np.inf)])[None]
    near, far = depth_range(depth)
    assert (near, far) == pytest.approx((2.02, 3.98))
    assert (depth_colors(depth) == depth_colors(depth, limits=(near, far))).all()


def test_depth_of_nothing_and_of_a_flat_wall():
    nothing = np.full((2, 3), np.inf)
    assert depth_range(nothing) == (0.0, 1.0)
    assert (depth_colors(nothing) == 255).all()
    assert (depth_colors(np.full((2, 3), 2.0)) == colorize(np.zeros(()))).all()


def test_normals_are_half_the_vector_plus_one():
    normal = np.array([[[1.0, 0.0, -1.0], [0.0, 0.0, 0.0], [np.nan, 0.0, 1.0], [0.0, 1.0, 0.0]]])
    opacity = np.array([[1.0, 1.0, 1.0, 0.1]])
    colors = normal_colors(normal, opacity)[0]
    assert colors[0].tolist() == [255, 128, 0]
    assert (colors[1:] == 255).all()
    assert normal_colors(normal)[0, 3].tolist() == [128, 255, 128]
