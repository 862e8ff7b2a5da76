"""The model: contract of every preset, rendering, normals."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.testing import assert_close

from nfield.config import resolve
from nfield.fields.contract import Field
from nfield.fields.model import Model, load_model
from nfield.render.bounds import Bounds
from nfield.render.cameras import Cameras

BOUNDS = Bounds((0.0, 0.0, 0.0), 1.0, False, np.ones((64, 64, 64), dtype=bool))


def model(field: str = "ngp") -> Model:
    torch.manual_seed(0)
    return Model(resolve("builtin:matte", {"field": field}, ["model.log2_table=12"]), BOUNDS)


def camera(size: int = 48) -> Cameras:
    """Looks from (0, 0, -4) along +z."""
    pose = torch.eye(4)[None, :3].clone()
    pose[0, 2, 3] = -4
    return Cameras(
        pose,
        torch.tensor([[2.0 * size, 2.0 * size, size / 2, size / 2]]),
        torch.zeros(1, 6),
        torch.zeros(1, dtype=torch.int32),
        torch.tensor([[size, size]], dtype=torch.int32),
    )


class Ball(Field):
    """A white ball of radius 0.5 (in the world), as a radiance field."""

    def features(self, x: Tensor) -> Tensor:
        return x

    def density(self, h: Tensor) -> Tensor:
        return 4000.0 * ((2 * h - 1).norm(dim=1) < 0.5).float()

    def color(self, h: Tensor, d: Tensor) -> Tensor:
        return torch.ones(len(h), 3)


def test_a_ball_renders_with_its_outline_depth_and_normals() -> None:
    it = model()
    it.field = Ball()
    image = it.render(camera(), 0, background=(0.0, 0.0, 0.0), normals=True)
    y, x = torch.meshgrid(*[torch.arange(48) + 0.5 - 24] * 2, indexing="ij")
    # The tangent cone of the ball: sin = 0.5 / 4.
    radius = 96 * math.tan(math.asin(0.125))
    distance = (x**2 + y**2).sqrt()
    assert bool((image.opacity[distance < radius - 1] > 0.99).all())
    assert not bool(image.opacity[distance > radius + 1].any())
    assert_close(image.color[..., 0], image.opacity)
    # A step is 2 sqrt(3) / 512 of a half size.
    assert abs(float(image.depth[24, 24]) - 3.5) < 0.02
    assert bool(image.depth[distance > radius + 1].isinf().all())
    assert image.normal is not None
    facing = image.normal[20:28, 20:28]
    assert_close(facing[..., 2], -torch.ones(8, 8), atol=0.15, rtol=0)  # towards the camera


def test_background_shows_through() -> None:
    it = model()
    it.occupancy.words = torch.zeros_like(it.occupancy.words)
    image = it.render(camera(8), 0, background=(0.25, 0.5, 1.0))
    assert_close(image.color, torch.tensor([0.25, 0.5, 1.0]).expand(8, 8, 3))


def test_state_restores_the_same_pictures() -> None:
    it = model()
    tensors, meta = it.state()
    config = resolve("builtin:matte", {}, ["model.log2_table=12"])
    other = load_model(config, tensors, meta)
    assert torch.equal(other.render(camera(8), 0).color, it.render(camera(8), 0).color)
