"""Lenses: rays and projection are inverse, and equal to the published formulas."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from nfield.ops.rays import generate_rays, project

INTRINSICS = torch.tensor([[520.0, 500.0, 310.0, 245.0]])
OPENCV = torch.tensor([[-0.28, 0.09, -0.01, 0.001, 0.0012, -0.0008]])
FISHEYE = torch.tensor([[0.02, -0.01, 0.003, -0.0005, 0.0, 0.0]])


def pose(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    rotation, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    rotation *= torch.linalg.det(rotation)
    position = torch.randn(3, 1, generator=generator, dtype=torch.float64) * 3
    return torch.cat([rotation, position], 1).float()[None]


def pixels() -> Tensor:
    y, x = torch.meshgrid(torch.arange(8.0, 480, 60), torch.arange(8.0, 640, 60), indexing="ij")
    return torch.stack([x, y], -1).view(-1, 2)


@pytest.mark.parametrize(("lens", "distortion"), [(0, OPENCV), (0, OPENCV * 0), (1, FISHEYE)])
def test_projection_inverts_rays(lens: int, distortion: Tensor) -> None:
    camera = (pose(1), INTRINSICS, distortion, torch.tensor([lens], dtype=torch.int32))
    which = torch.zeros(len(pixels()), dtype=torch.int64)
    origins, directions = generate_rays(*camera, which, pixels())
    points = origins + directions * torch.linspace(0.5, 9, len(which))[:, None]
    back, depth = project(*camera, which, points)
    # Points of size 10 in float32 are 1e-6 wide, which 520 pixels of focal length magnify.
    assert_close(back, pixels(), atol=3e-3, rtol=0)
    assert bool((depth > 0).all())
    assert_close(directions.norm(dim=1), torch.ones(len(which)), atol=1e-6, rtol=0)


def test_opencv_formula_by_hand() -> None:
    k1, k2, k3, k4, p1, p2 = OPENCV[0].double().tolist()
    x, y = 0.3, -0.2
    r2 = x * x + y * y
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3 + k4 * r2**4
    u = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    v = y * radial + 2 * p2 * x * y + p1 * (r2 + 2 * y * y)
    identity = torch.eye(4)[None, :3]
    point = torch.tensor([[x * 2, y * 2, 2.0]])
    lens, zero = torch.zeros(1, dtype=torch.int32), torch.zeros(1, dtype=torch.int64)
    pixel, depth = project(identity, INTRINSICS, OPENCV, lens, zero, point)
    assert_close(pixel, torch.tensor([[520 * u + 310, 500 * v + 245]]), atol=1e-3, rtol=0)
    assert float(depth) == 2.0


def test_fisheye_sees_behind_the_image_plane() -> None:
    # An equidistant lens: the angle to the axis is the distance from the principal point.
    camera = (
        torch.eye(4)[None, :3],
        INTRINSICS,
        torch.zeros(1, 6),
        torch.ones(1, dtype=torch.int32),
    )
    angle = 2.0
    pixel = torch.tensor([[520 * angle + 310, 245.0]])
    _, direction = generate_rays(*camera, torch.zeros(1, dtype=torch.int64), pixel)
    want = torch.tensor([[math.sin(angle), 0.0, math.cos(angle)]])
    assert_close(direction, want, atol=1e-6, rtol=0)


@given(st.floats(-0.1, 0.1), st.floats(-0.02, 0.02), st.floats(-0.005, 0.005), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_undistortion_is_exact_for_mild_lenses(k1: float, k2: float, p1: float, seed: int) -> None:
    distortion = torch.tensor([[k1, k2, 0.0, 0.0, p1, -p1]])
    camera = (pose(seed), INTRINSICS, distortion, torch.zeros(1, dtype=torch.int32))
    which = torch.zeros(len(pixels()), dtype=torch.int64)
    origins, directions = generate_rays(*camera, which, pixels())
    back, _ = project(*camera, which, origins + directions)
    assert_close(back, pixels(), atol=5e-3, rtol=0)


def test_behind_a_pinhole_there_is_no_pixel() -> None:
    identity = torch.eye(4)[None, :3]
    lens, zero = torch.zeros(1, dtype=torch.int32), torch.zeros(1, dtype=torch.int64)
    pixel, depth = project(
        identity, INTRINSICS, torch.zeros(1, 6), lens, zero, torch.tensor([[0.0, 0.0, -1.0]])
    )
    assert bool(pixel.isnan().all()) and float(depth) == -1.0


def test_refusals_name_argument_and_value() -> None:
    camera = (pose(1), INTRINSICS, OPENCV, torch.zeros(1, dtype=torch.int32))
    with pytest.raises(ValueError, match="index must be from 0 to 0, got 0 to 1"):
        generate_rays(*camera, torch.tensor([0, 1]), torch.zeros(2, 2))
    with pytest.raises(ValueError, match=r"pixels must have shape \(1, 2\), got \(1, 3\)"):
        generate_rays(*camera, torch.tensor([0]), torch.zeros(1, 3))
