"""Radiance fields that are known exactly, in a world that is not the unit cube."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nfield.config import resolve
from nfield.fields.contract import Field
from nfield.fields.model import Model
from nfield.render.bounds import Bounds
from nfield.render.cameras import Cameras

CENTER, HALF = (3.0, -2.0, 5.0), 2.0
BALL, RADIUS = np.array([3.2, -2.4, 5.1]), 1.0  # of the ball, in the world
THRESHOLD = 25.0  # on the ball, per half size
COLOR = (0.8, 0.4, 0.2)


class Ball(Field):
    """Density 25 exp(40 (0.5 - r)) of a ball; one colour, or (1 - d) / 2 of the direction."""

    def __init__(self, by_direction: bool, unbounded: bool):
        super().__init__()
        self.by_direction = by_direction
        self.side = 4 if unbounded else 2  # of the unit cube, in half sizes

    def features(self, x: Tensor) -> Tensor:
        return x

    def density(self, h: Tensor) -> Tensor:
        middle = torch.from_numpy((BALL - CENTER) / HALF).float()
        r = (self.side * (h - 0.5) - middle).norm(dim=1)
        return THRESHOLD * (40 * (RADIUS / HALF - r)).exp()

    def color(self, h: Tensor, d: Tensor) -> Tensor:
        return (1 - d) / 2 if self.by_direction else torch.tensor(COLOR).repeat(len(h), 1)


def ball_model(*, by_direction: bool = False, unbounded: bool = False) -> Model:
    """A model of the ball, everywhere occupied."""
    bounds = Bounds(CENTER, HALF, unbounded, None)
    small = ["model.log2_table=8", "occupancy.resolution=16", "occupancy.levels=2"]
    model = Model(resolve("builtin:matte", {}, small), bounds)
    model.field = Ball(by_direction, unbounded)
    return model


def around(count: int = 6, size: int = 32) -> Cameras:
    """Cameras 6 from the ball, looking at it."""
    turn = 2 * torch.pi * torch.arange(count) / count
    outward = torch.stack([turn.cos(), turn.sin(), 0.5 * (-1.0) ** torch.arange(count)], 1)
    outward = torch.nn.functional.normalize(outward, dim=1)
    right = torch.nn.functional.normalize(
        torch.linalg.cross(-outward, torch.tensor([[0.0, 0.0, 1.0]]).expand_as(outward)), dim=1
    )
    down = torch.linalg.cross(-outward, right)
    place = torch.from_numpy(BALL).float() + 6 * outward
    return Cameras(
        torch.stack([right, down, -outward, place], 2),
        torch.tensor([[1.5 * size, 1.5 * size, size / 2, size / 2]]).repeat(count, 1),
        torch.zeros(count, 6),
        torch.zeros(count, dtype=torch.int32),
        torch.tensor([[size, size]], dtype=torch.int32).repeat(count, 1),
    )
