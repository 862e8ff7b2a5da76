"""Corrections of poses: none at first, rigid, differentiable, without what cameras share."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from nfield.errors import InputError
from nfield.render.cameras import Cameras
from nfield.render.pose_corrections import PoseCorrections, rotation_matrix
from tests.ops.reference import with_gradients

COUNT = 7


def exponential(vector: Tensor) -> Tensor:
    x, y, z = vector.unbind(1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).view(-1, 3, 3)
    return torch.linalg.matrix_exp(cross)


def cameras(count: int = COUNT) -> Cameras:
    generator = torch.Generator().manual_seed(3)
    turn = exponential(torch.randn(count, 3, generator=generator))
    place = 4 * torch.randn(count, 3, 1, generator=generator)
    return Cameras(
        torch.cat([turn, place], 2),
        torch.tensor([[30.0, 31.0, 16.0, 12.0]]).expand(count, 4).contiguous(),
        torch.zeros(count, 6),
        torch.zeros(count, dtype=torch.int32),
        torch.tensor([[32, 24]], dtype=torch.int32).expand(count, 2).contiguous(),
    )


def centers() -> Tensor:
    return cameras().camera_to_world[:, :, 3]


def rays(given: Cameras) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    view = torch.randint(COUNT, (50,), generator=generator)
    pixels = torch.rand(50, 2, generator=generator) * 24
    return view, *given.rays(view, pixels)


def moved(*, anchored: bool) -> PoseCorrections:
    generator = torch.Generator().manual_seed(5)
    poses = PoseCorrections(centers(), 2.0, anchored=anchored)
    with torch.no_grad():
        poses.rotation.copy_(0.3 * torch.randn(COUNT, 3, generator=generator))
        poses.translation.copy_(0.3 * torch.randn(COUNT, 3, generator=generator))
    return poses


def test_rotations_are_exponentials_with_their_gradient_at_zero_too() -> None:
    vector = torch.randn(20, 3, generator=torch.Generator().manual_seed(0)).double()
    vector[0], vector[1] = 0, 1e-7
    weight = torch.randn(20, 3, 3, generator=torch.Generator().manual_seed(1)).double()
    want, want_gradient = with_gradients(exponential, [vector], weight)
    got, gradient = with_gradients(rotation_matrix, [vector], weight)
    # The angle's guard of 1e-16 under the root is 1e-16 of the result.
    assert_close(got, want, atol=1e-12, rtol=0)
    assert_close(gradient, want_gradient, atol=1e-7, rtol=0)


def test_new_corrections_change_no_bit() -> None:
    given = cameras()
    poses = PoseCorrections(centers(), 2.0)
    view, origins, directions = rays(given)
    refined = poses(view, origins, directions)
    assert torch.equal(refined[0], origins) and torch.equal(refined[1], directions)
    assert torch.equal(poses.correct(given).camera_to_world, given.camera_to_world)


@pytest.mark.parametrize("anchored", [False, True])
def test_rays_are_those_of_the_corrected_cameras(anchored: bool) -> None:
    given, poses = cameras(), moved(anchored=anchored)
    view, origins, directions = rays(given)
    _, want_origins, want_directions = rays(poses.correct(given))
    with torch.no_grad():
        got_origins, got_directions = poses(view, origins, directions)
    # float32 rounding of positions near 4 and of unit vectors.
    assert_close(got_origins, want_origins, atol=1e-5, rtol=0)
    assert_close(got_directions, want_directions, atol=1e-6, rtol=0)
    assert float((got_directions - directions).norm(dim=1).min()) > 0.01
    assert_close(got_directions.norm(dim=1), torch.ones(50), atol=1e-6, rtol=0)


def test_what_all_cameras_share_is_taken_from_them() -> None:
    poses, place = PoseCorrections(centers(), 2.0), centers()
    with torch.no_grad():
        poses.rotation.copy_(torch.tensor([0.1, 0.2, -0.1]).expand(COUNT, 3))
        poses.translation.copy_(0.7 + 0.2 * place)
    assert_close(poses.turns(), torch.eye(3).expand(COUNT, 3, 3), atol=1e-6, rtol=0)
    assert_close(poses.shifts(), torch.zeros(COUNT, 3), atol=1e-5, rtol=0)
    shifts = moved(anchored=True).shifts().detach()
    assert_close(shifts.mean(0), torch.zeros(3), atol=1e-6, rtol=0)
    assert abs(float((shifts * (place - place.mean(0))).sum())) < 1e-4
    assert float(moved(anchored=False).shifts().detach().mean(0).norm()) > 0.01


def test_other_views_than_those_fitted_are_refused() -> None:
    with pytest.raises(InputError, match="7 of them, got 5"):
        PoseCorrections(centers(), 2.0).correct(cameras(5))
