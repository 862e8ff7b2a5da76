"""The turntable: cameras look at the middle of the cube from all around."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from nfield.errors import InputError
from nfield.render.turntable import turntable


def test_the_middle_of_the_cube_is_the_middle_of_every_picture() -> None:
    cameras = turntable(7, (64, 48))
    pixels, depth = cameras.project(torch.arange(7), torch.full((7, 3), 0.5))
    assert_close(pixels, torch.tensor([[32.0, 24.0]]).expand(7, 2), atol=1e-3, rtol=0)
    assert_close(depth, torch.full((7,), 2.1), atol=1e-5, rtol=0)


def test_up_is_up_and_the_circle_runs_anticlockwise() -> None:
    cameras = turntable(4, (64, 64))
    above = torch.tensor([[0.5, 0.9, 0.5]]).expand(4, 3)
    pixels, _ = cameras.project(torch.arange(4), above)
    assert bool((pixels[:, 1] < 32).all())
    origin = cameras.camera_to_world[:, :, 3] - 0.5
    assert origin[0, 2] > 1 and origin[1, 0] > 1 and origin[2, 2] < -1
    rotation = cameras.camera_to_world[:, :, :3]
    assert_close(rotation.transpose(1, 2) @ rotation, torch.eye(3).expand(4, 3, 3))
    assert_close(torch.linalg.det(rotation), torch.ones(4))


def test_a_shape_fits_into_the_picture() -> None:
    cameras = turntable(12, (80, 60))
    corners = torch.cartesian_prod(*[torch.tensor([0.1, 0.9])] * 3)
    for i in range(12):
        pixels, _ = cameras.project(torch.full((8,), i), corners)
        assert bool(((pixels >= 0) & (pixels <= torch.tensor([80, 60]))).all())


@pytest.mark.parametrize("frames", [0, 100_001])
def test_odd_numbers_of_frames_are_refused(frames: int) -> None:
    with pytest.raises(InputError, match=f"--frames: number must be from 1 to .*, got {frames}"):
        turntable(frames, (8, 8))
