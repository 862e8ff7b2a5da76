"""Scene bounds: laws under motions of the world, and hulls that keep all matter."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from nfield.data.bounds import find_bounds
from nfield.data.load import load_scene
from nfield.data.procedural import Rendered, _look_at_center, _on_sphere
from nfield.data.scene import Views
from nfield.data.solids import Material, Solid
from nfield.render.bounds import Bounds
from nfield.render.cameras import Cameras

SIDE, FOCAL = 64, 90.0


def cameras(pose: torch.Tensor) -> Cameras:
    count = len(pose)
    return Cameras(
        pose.float(),
        torch.tensor([[FOCAL, FOCAL, SIDE / 2, SIDE / 2]]).repeat(count, 1),
        torch.zeros(count, 6),
        torch.zeros(count, dtype=torch.int32),
        torch.full((count, 2), SIDE, dtype=torch.int32),
    )


def around(count: int = 24) -> torch.Tensor:
    """Poses all around the origin, 4 away."""
    i = torch.arange(count, dtype=torch.float64)
    return _look_at_center(_on_sphere(-0.9 + 1.8 * (i + 0.5) / count, i * 2.4) / 4.4 * 4)


def views(solids: tuple[Solid, ...], pose: torch.Tensor) -> Views:
    names = tuple(str(i) for i in range(len(pose)))
    return Views(cameras(pose), names, 4, Rendered(solids, cameras(pose), 1))


def ball(center: tuple[float, float, float], radius: float) -> tuple[Solid, ...]:
    grey = Material(lambda points: np.full_like(points, 0.5))
    return (Solid("ellipsoid", center, (radius, radius, radius), grey),)


@dataclasses.dataclass(frozen=True)
class Opaque:
    """Photographs without transparency."""

    def image(self, i: int) -> np.ndarray:
        return np.full((SIDE, SIDE, 4), 255, np.uint8)

    def mask(self, i: int) -> None: ...

    def truth(self, i: int) -> None: ...


def photographs(pose: torch.Tensor) -> Views:
    return Views(cameras(pose), tuple(str(i) for i in range(len(pose))), 4, Opaque())


def moved(pose: torch.Tensor, scale: float, shift: tuple[float, float, float]) -> torch.Tensor:
    pose = pose.clone()
    pose[:, :, 3] = pose[:, :, 3] * scale + torch.tensor(shift)
    return pose


def holds(bounds: Bounds, points: np.ndarray) -> np.ndarray:
    """Whether points (N, 3) are in cells of the hull."""
    assert bounds.hull is not None
    cells = len(bounds.hull)
    unit = (points - np.array(bounds.center)) / bounds.half_size
    x, y, z = np.floor((unit + 1) / 2 * cells).astype(int).clip(0, cells - 1).T
    return (np.abs(unit) <= 1).all(1) & bounds.hull[z, y, x]


def test_a_ball_is_bounded_tightly_wherever_it_is():
    center, radius = (0.3, -0.2, 0.1), 0.5
    bounds = find_bounds(views(ball(center, radius), around()))
    assert not bounds.unbounded
    # The hull of a ball is the ball; cells of 6 % and margins of 3 % come on both sides.
    assert radius <= bounds.half_size <= 1.2 * radius
    assert np.abs(np.array(bounds.center) - center).max() < 0.1 * radius
    unit = np.random.default_rng(0).normal(size=(2000, 3))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    assert holds(bounds, center + 0.999 * radius * unit).all()
    assert not holds(bounds, center + 1.3 * radius * unit).any()


@pytest.mark.parametrize(("scale", "shift"), [(1.0, (5.0, -3.0, 2.0)), (100.0, (0.0, 0.0, 0.0))])
def test_bounds_move_and_scale_with_the_world(scale, shift):
    base = find_bounds(views(ball((0.3, -0.2, 0.1), 0.5), around()))
    center = tuple(scale * c + s for c, s in zip((0.3, -0.2, 0.1), shift, strict=True))
    other = find_bounds(views(ball(center, 0.5 * scale), moved(around(), scale, shift)))
    # Rounding may move a silhouette by a pixel, and with it an outermost cell of 6 %.
    assert other.half_size == pytest.approx(scale * base.half_size, rel=0.07)
    expected = scale * np.array(base.center) + np.array(shift)
    assert np.abs(np.array(other.center) - expected).max() < 0.07 * other.half_size


def test_photographs_are_unbounded_and_the_cube_holds_the_cameras():
    pose = moved(around(), 3.0, (1.0, 2.0, 3.0))
    bounds = find_bounds(photographs(pose))
    assert bounds.unbounded and bounds.hull is None
    assert np.allclose(bounds.center, (1, 2, 3), atol=1e-4)
    offset = (pose[:, :, 3] - torch.tensor(bounds.center)).abs().max()
    assert float(offset) <= bounds.half_size <= 1.1 * float(offset)


@pytest.mark.parametrize("kind", ["parallel", "outward"])
def test_without_a_focus_the_cube_is_that_of_the_cameras(kind):
    pose = around()
    if kind == "parallel":
        pose[:, :, :3] = pose[:1, :, :3].clone()
    else:
        pose[:, :, [0, 2]] *= -1
    bounds = find_bounds(photographs(pose))
    position = pose[:, :, 3].numpy()
    assert bounds.unbounded
    # The cube of the cameras' bounding box and a margin of 3 %, through float32 poses.
    half = np.abs(position - (position.min(0) + position.max(0)) / 2).max()
    assert bounds.half_size == pytest.approx(1.03 * half, rel=1e-5)


def test_photos_from_one_place_still_have_a_size():
    bounds = find_bounds(photographs(moved(around(), 0.0, (1.0, 2.0, 3.0))))
    assert bounds.half_size > 0 and np.isfinite(bounds.center).all()


def test_silhouettes_that_disagree_leave_no_hull():
    pose = around()
    images = views(ball((0.9, 0.0, 0.0), 0.1), pose)
    mixed = Views(cameras(pose.flip(0)), images.names, 4, images.source)
    bounds = find_bounds(mixed)
    assert bounds.hull is None and not bounds.unbounded and bounds.half_size > 0


@pytest.mark.parametrize("name", ["matte", "thin"])
def test_hulls_of_built_in_scenes_keep_every_surface_point(name):
    scene = load_scene(f"builtin:{name}", downscale=2)
    train, test = scene.splits["train"], scene.splits["test"]
    hull = find_bounds(
        Views(train.cameras[::3], train.names[::3], 4, _Third(train))  # quicker, and looser
    )
    assert hull.half_size < 2.0
    for i in range(0, 16, 5):
        depth = test.truth(i)["depth"].reshape(-1)
        y, x = np.divmod(np.flatnonzero(np.isfinite(depth)), 100)
        pixels = torch.tensor(np.stack([x, y], 1) + 0.5, dtype=torch.float32)
        origin, direction = test.cameras.rays(torch.full((len(x),), i), pixels)
        points = origin.numpy() + depth[np.isfinite(depth), None] * direction.numpy()
        assert holds(hull, points).all()


@dataclasses.dataclass(frozen=True)
class _Third:
    """Every third image of other views."""

    views: Views

    def image(self, i: int) -> np.ndarray:
        return self.views.image(3 * i)

    def mask(self, i: int) -> None: ...

    def truth(self, i: int) -> None: ...
