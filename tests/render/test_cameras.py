"""Cameras: projection and rays against a float64 reference, and the laws of the container."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from nfield.render.cameras import Cameras

LENS = {"pinhole": 0, "opencv": 0, "fisheye": 1}
DISTORTION = {
    "pinhole": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "opencv": (0.058, -0.08, 0.01, 0.002, -0.001, 0.0002),
    "fisheye": (-0.03, 0.008, -0.002, 0.0003, 0.0, 0.0),
}


def cameras(kind: str, count: int = 3) -> Cameras:
    generator = np.random.default_rng(5)
    pose = np.empty((count, 3, 4))
    for i in range(count):
        rotation, _ = np.linalg.qr(generator.normal(size=(3, 3)))
        pose[i, :, :3] = rotation * np.sign(np.linalg.det(rotation))
        pose[i, :, 3] = generator.normal(size=3)
    return Cameras(
        torch.tensor(pose, dtype=torch.float32),
        torch.tensor([[300.0 + i, 310.0, 161.0, 118.5] for i in range(count)]),
        torch.tensor([DISTORTION[kind]] * count),
        torch.full((count,), LENS[kind], dtype=torch.int32),
        torch.tensor([[320, 240]] * count, dtype=torch.int32),
    )


def reference_pixel(camera: Cameras, i: int, point: np.ndarray) -> tuple[float, float, float]:
    """OpenCV's model in float64, one point at a time."""
    pose = camera.camera_to_world[i].double().numpy()
    x, y, z = pose[:, :3].T @ (point - pose[:, 3])
    fx, fy, cx, cy = camera.intrinsics[i].double().tolist()
    k1, k2, k3, k4, p1, p2 = camera.distortion[i].double().tolist()
    a, b = x / z, y / z
    if int(camera.lens[i]) == 1:
        radius = math.hypot(a, b)
        t = math.atan(radius)
        scale = t * (1 + k1 * t**2 + k2 * t**4 + k3 * t**6 + k4 * t**8) / radius
        u, v = a * scale, b * scale
    else:
        r2 = a * a + b * b
        radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3 + k4 * r2**4
        u = a * radial + 2 * p1 * a * b + p2 * (r2 + 2 * a * a)
        v = b * radial + p1 * (r2 + 2 * b * b) + 2 * p2 * a * b
    return fx * u + cx, fy * v + cy, z


@pytest.mark.parametrize("kind", LENS)
def test_points_along_a_ray_project_to_its_pixel(kind):
    camera = cameras(kind)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(200, 2, generator=generator) * torch.tensor([320.0, 240.0])
    index = torch.randint(0, 3, (200,), generator=generator)
    origin, direction = camera.rays(index, pixels)
    # Unit to float32 rounding.
    assert torch.allclose(direction.norm(dim=1), torch.ones(200), atol=1e-6)
    assert torch.equal(origin, camera.camera_to_world[index, :, 3])
    for k in range(200):
        point = origin[k].double().numpy() + 2.5 * direction[k].double().numpy()
        u, v, _ = reference_pixel(camera, int(index[k]), point)
        # float32 directions, 6e-8, times a focal length of 300 pixels, with room for a few steps.
        assert abs(u - pixels[k, 0]) < 3e-4 and abs(v - pixels[k, 1]) < 3e-4


@pytest.mark.parametrize("kind", LENS)
def test_project_agrees_with_the_reference(kind):
    camera = cameras(kind)
    index = torch.arange(3).repeat(50)
    pixels = torch.rand(150, 2, generator=torch.Generator().manual_seed(1)) * 240
    origin, direction = camera.rays(index, pixels)
    points = origin + direction * torch.linspace(0.5, 5, 150)[:, None]
    found, depth = camera.project(index, points)
    for k in range(150):
        u, v, z = reference_pixel(camera, int(index[k]), points[k].double().numpy())
        # Coordinates of size 5 in float32, over a depth of at least 0.4, times 300 pixels.
        assert abs(found[k, 0] - u) < 1e-3 and abs(found[k, 1] - v) < 1e-3
        assert abs(depth[k] - z) < 2e-6


@pytest.mark.parametrize("kind", LENS)
def test_a_scaled_camera_sees_the_same_points_at_scaled_pixels(kind):
    camera = cameras(kind)
    small = camera.scaled(7)
    assert small.size.tolist() == [[45, 34]] * 3
    index, points = (
        torch.zeros(1, dtype=torch.int64),
        camera.rays(torch.zeros(1, dtype=torch.int64), torch.tensor([[100.0, 90.0]])),
    )
    target = points[0] + points[1]
    # One more rounding of the intrinsics.
    assert torch.allclose(small.project(index, target)[0], camera.project(index, target)[0] / 7)


def test_any_index_gives_cameras():
    camera = cameras("opencv")
    assert len(camera) == 3
    assert len(camera[1]) == 1
    assert torch.equal(camera[-1].intrinsics, camera.intrinsics[2:])
    assert torch.equal(camera[1:].intrinsics, camera.intrinsics[1:])
    assert torch.equal(camera[[2, 0]].size, camera.size[[2, 0]])
    assert torch.equal(camera[torch.tensor([0])].intrinsics, camera.intrinsics[:1])


@pytest.mark.parametrize("factor", [0, 241])
def test_scaled_refuses_factors_that_leave_nothing(factor):
    with pytest.raises(ValueError, match=f"smallest image side, got {factor}"):
        cameras("pinhole").scaled(factor)


def test_refuses_wrong_shapes_and_types():
    camera = cameras("pinhole")
    fields = camera.camera_to_world, camera.intrinsics, camera.distortion, camera.lens
    with pytest.raises(ValueError, match=r"size must have shape \(3, 2\), got \(2, 2\)"):
        Cameras(*fields, camera.size[:2])
    with pytest.raises(TypeError, match=r"size must be torch.int32, got torch.int64"):
        Cameras(*fields, camera.size.long())
