"""A visitor's camera: the engine sees what the browser says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.run import Run
from nfield.viewer.view import View, quaternion_of, rotation_of

NUMBER = st.floats(-1, 1)
QUATERNION = st.tuples(NUMBER, NUMBER, NUMBER, NUMBER).filter(lambda q: np.linalg.norm(q) > 0.1)


@settings(max_examples=40, deadline=None)
@given(QUATERNION)
def test_quaternions_are_rotations_and_back(wxyz: tuple[float, ...]) -> None:
    unit = np.array(wxyz) / np.linalg.norm(wxyz)
    rotation = rotation_of(np.array(wxyz))
    # float64: rounding of some ten products of numbers up to 1.
    assert np.abs(rotation @ rotation.T - np.eye(3)).max() < 1e-12
    assert np.linalg.det(rotation) > 0
    found = quaternion_of(rotation)
    # Near the half turn w is 0, and both signs name the rotation.
    assert min(np.abs(found - unit).max(), np.abs(found + unit).max()) < 1e-7


def test_quaternions_are_those_of_viser() -> None:
    transforms = pytest.importorskip("viser.transforms")
    for wxyz in np.random.default_rng(0).normal(size=(20, 4)):
        unit = wxyz / np.linalg.norm(wxyz)
        assert np.abs(rotation_of(unit) - transforms.SO3(unit).as_matrix()).max() < 1e-7


def test_the_centre_of_the_picture_is_straight_ahead_and_its_top_is_half_the_angle_up() -> None:
    view = View.of_quaternion((1, 0, 0, 0), (1, 2, 3), math.radians(60), 1.5)
    cameras = view.cameras(300, 200)
    pixels = torch.tensor([[150.0, 100.0], [150.0, 0.0], [300.0, 100.0]])
    origins, directions = cameras.rays(torch.zeros(3, dtype=torch.int64), pixels)
    assert origins.tolist() == [[1, 2, 3]] * 3
    across = math.tan(math.radians(30)) * 1.5
    expected = np.array([[0, 0, 1], [0, -0.5, math.cos(math.radians(30))], [across, 0, 1]])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.abs(directions.numpy() - expected).max() < 1e-6  # float32


def test_a_photos_camera_by_way_of_the_browser_renders_the_same_picture(run: Run) -> None:
    cameras = run.scene.splits["test"].cameras
    for index in (0, len(cameras) - 1):
        width, height = cameras.size[index].tolist()
        view = View.of_camera(cameras, index)
        sent = View.of_quaternion(view.wxyz, view.position, view.fov, width / height)
        theirs = run.model.render(sent.cameras(width, height), 0)
        ours = run.model.render(cameras, index)
        # The focal length goes through an angle and back; a sample may change its cell.
        assert (theirs.color - ours.color).abs().mean() < 1e-4
        assert (theirs.opacity - ours.opacity).abs().mean() < 1e-4


def test_sizes_of_one_view_see_the_same(run: Run) -> None:
    view = View.of_camera(run.scene.splits["test"].cameras, 0)
    fine, coarse = (run.model.render(view.cameras(n, n), 0).opacity for n in (64, 32))
    pooled = torch.nn.functional.avg_pool2d(fine[None], 2)[0]
    # Only the pixels at the object's edge differ.
    assert (pooled - coarse).abs().mean() < 0.05


@pytest.mark.parametrize(
    ("wxyz", "position", "fov", "aspect"),
    [
        ((0, 0, 0, 0), (0, 0, 0), 1, 1),
        ((1, 0, 0, math.nan), (0, 0, 0), 1, 1),
        ((1, 0, 0, 0), (math.inf, 0, 0), 1, 1),
        ((1, 0, 0), (0, 0, 0), 1, 1),
        ((1, 0, 0, 0), (0, 0, 0), 4, 1),
        ((1, 0, 0, 0), (0, 0, 0), -1, 1),
        ((1, 0, 0, 0), (0, 0, 0), 1, math.nan),
    ],
)
def test_what_is_no_camera_is_refused(
    wxyz: tuple[float, ...], position: tuple[float, ...], fov: float, aspect: float
) -> None:
    with pytest.raises(ValueError, match="camera: "):
        View.of_quaternion(wxyz, position, fov, aspect)
