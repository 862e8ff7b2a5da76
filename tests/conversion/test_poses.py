"""Poses look at the bounds, from where they should, the same ones for the same seed."""

from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from nfield.conversion.poses import JITTER, Poses
from nfield.render.bounds import Bounds
from nfield.render.turntable import turntable

CENTER, HALF = (1.0, -2.0, 0.5), 1.5


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def bounds(unbounded: bool = False) -> Bounds:
    return Bounds(CENTER, HALF, unbounded, None)


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("unbounded", [False, True])
def test_poses_are_rotations_and_follow_the_seed(given: bool, unbounded: bool) -> None:
    poses = Poses(bounds(unbounded), turntable(7, (40, 30)) if given else None)
    drawn = poses.draw(50, seeded())
    rotation = drawn[:, :, :3]
    eye = torch.eye(3).expand(50, 3, 3)
    # Products of float32 unit vectors.
    assert_close(rotation.transpose(1, 2) @ rotation, eye, atol=2e-6, rtol=0)
    assert_close(torch.linalg.det(rotation), torch.ones(50), atol=2e-6, rtol=0)
    assert torch.equal(drawn, poses.draw(50, seeded()))
    assert not torch.equal(drawn, poses.draw(50, seeded(1)))


def test_a_sphere_of_poses_looks_at_the_centre_and_sees_the_whole_cube() -> None:
    poses = Poses(bounds(), None)
    drawn = poses.draw(400, seeded())
    toward = torch.tensor(CENTER) - drawn[:, :, 3]
    distance = toward.norm(dim=1)
    assert 3 * HALF <= distance.min() <= distance.max() <= 5 * HALF
    assert_close(toward / distance[:, None], drawn[:, :, 2], atol=1e-5, rtol=0)
    assert (toward / distance[:, None]).mean(0).abs().max() < 0.15  # from all sides: 3 / sqrt(400)
    cameras = poses.cameras(drawn, 100)
    corners = torch.cartesian_prod(*[torch.tensor([-HALF, HALF])] * 3) + torch.tensor(CENTER)
    for i in range(0, 400, 40):
        pixels, depth = cameras.project(torch.full((8,), i), corners)
        assert depth.min() > 0
        assert 0 <= pixels.min() <= pixels.max() <= 100


def test_poses_stay_near_the_given_cameras() -> None:
    given = turntable(5, (40, 30))
    around = Bounds((0.5, 0.5, 0.5), 0.5, False, None)
    drawn = Poses(around, given).draw(300, seeded())
    offset = drawn[:, :, 3] - 0.5
    known = given.camera_to_world[:, :, 3] - 0.5
    assert_close(offset.norm(dim=1), known.norm(dim=1).mean().expand(300), atol=1e-4, rtol=0)
    cosine = (offset @ known.T / offset.norm(dim=1, keepdim=True) / known.norm(dim=1)).amax(1)
    assert cosine.min() > math.cos(5 * JITTER)  # five standard deviations
    assert_close(-offset / offset.norm(dim=1, keepdim=True), drawn[:, :, 2], atol=1e-5, rtol=0)


def test_unbounded_poses_keep_their_view_and_shift_a_little() -> None:
    given = turntable(5, (40, 30))
    drawn = Poses(bounds(True), given).draw(100, seeded())
    match = (drawn[:, None, :, :3] == given.camera_to_world[None, :, :, :3]).all(-1).all(-1)
    assert (match.sum(1) == 1).all()
    shift = drawn[:, :, 3] - given.camera_to_world[match.int().argmax(1)][:, :, 3]
    assert 0 < shift.norm(dim=1).max() < 6 * JITTER * HALF


def test_rays_start_at_their_pose_and_meet_the_picture() -> None:
    poses = Poses(bounds(), None)
    drawn = poses.draw(4, seeded())
    which = torch.arange(4).repeat(200)
    origins, directions = poses.rays(drawn, which, seeded(2))
    assert torch.equal(origins, drawn[which][:, :, 3])
    assert_close(directions.norm(dim=1), torch.ones(800), atol=1e-6, rtol=0)
    cameras = poses.cameras(drawn, 100)
    pixels, depth = cameras.project(which, origins + 3 * directions)
    assert depth.min() > 0
    assert -1e-2 <= pixels.min() < 10 < 90 < pixels.max() <= 100.01  # float32 of 100 pixels
