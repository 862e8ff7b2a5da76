"""The nearest photo, and the error to it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nfield.fields.model import Image
from nfield.run import Run
from nfield.viewer.photos import Photos
from nfield.viewer.view import View

WHITE = (1.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def shown(run: Run) -> Photos:
    return Photos(run.scene.splits["train"])


def image_of(color: np.ndarray, depth: float) -> Image:
    tensor = torch.from_numpy(color).float()
    shape = tensor.shape[:2]
    return Image(tensor, torch.ones(shape), torch.full(shape, depth), None)


def test_the_photo_of_a_camera_is_its_nearest(shown: Photos) -> None:
    for index in range(len(shown)):
        view = View.of_camera(shown.views.cameras, index)
        assert shown.nearest(view) == index


@pytest.mark.parametrize("depth", [1.0, 4.0, float("inf")])
def test_a_photo_has_no_error_to_itself_whatever_its_depth(shown: Photos, depth: float) -> None:
    camera = shown.views.cameras[2]
    photo = shown.thumbnail(2, 10_000)
    error = shown.error(image_of(photo / 255, depth), View.of_camera(camera, 0), camera, WHITE)
    assert error.shape == photo.shape[:2]
    # A pixel's centre goes to the world and back; float32 holds it within half a pixel.
    assert np.nanmax(error) < 1e-6 and not np.isnan(error).any()


def test_the_error_is_the_mean_difference(shown: Photos) -> None:
    camera = shown.views.cameras[0]
    photo = shown.thumbnail(0, 10_000) / 255
    shifted = np.where(photo > 0.5, photo - 0.1, photo + 0.1)
    error = shown.error(image_of(shifted, 3.0), View.of_camera(camera, 0), camera, WHITE)
    assert np.abs(error - 0.1).max() < 1e-6


def test_what_the_photo_does_not_show_has_no_error(shown: Photos) -> None:
    view = View.of_camera(shown.views.cameras, 0)
    wide = View(view.pose, 2.5, 1.0)
    error = shown.error(image_of(np.zeros((32, 32, 3)), 3.0), wide, wide.cameras(32, 32), WHITE)
    assert np.isnan(error[0, 0]) and not np.isnan(error[16, 16])


def test_some_photos_are_evenly_chosen(shown: Photos) -> None:
    assert shown.evenly(10_000) == list(range(len(shown)))
    chosen = shown.evenly(5)
    assert len(chosen) == 5 and chosen[0] == 0
    assert max(np.diff(chosen)) - min(np.diff(chosen)) <= 1
