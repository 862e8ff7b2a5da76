"""Random poses from which a student looks at what its teacher shows."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from nfield.render.bounds import Bounds
from nfield.render.cameras import Cameras

JITTER = math.pi / 20  # of a pose: radians around bounded scenes, half sizes in unbounded ones
SHELL = (3.0, 5.0)  # distances of a sphere of poses, half sizes
WIDEST = 2.0  # tangent of half the view


class Poses:
    """Square pinhole cameras that see all of the bounds, or near the given ones what they see.

    Around bounded scenes poses look at the centre, from about where a random given camera stands,
    or from anywhere on a shell. In unbounded scenes a given camera is shifted a little; without
    any, poses stand in the middle of the inner cube and look anywhere.

    Shape
        poses ``(P, 3, 4)`` float32, camera to world, OpenCV axes
    """

    def __init__(self, bounds: Bounds, cameras: Cameras | None):
        self._center = torch.tensor(bounds.center)
        self._half = bounds.half_size
        self._unbounded = bounds.unbounded
        self._given = None if cameras is None else cameras.camera_to_world
        self._view = 1.0 if cameras is None else _view(cameras)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Random poses."""
        if self._given is not None:
            chosen = torch.randint(len(self._given), (count,), generator=generator)
            return self.near(self._given[chosen], generator)
        outward = _unit(torch.randn(count, 3, generator=generator))
        share = torch.rand(count, 1, generator=generator)
        if self._unbounded:
            return _look(self._center + 0.5 * self._half * share * outward, outward)
        distance = self._half * (SHELL[0] + (SHELL[1] - SHELL[0]) * share)
        return _look(self._center + distance * outward, -outward)

    def near(self, poses: Tensor, generator: torch.Generator) -> Tensor:
        """Poses beside the given ones."""
        shift = JITTER * torch.randn(len(poses), 3, generator=generator)
        if self._unbounded:
            return torch.cat([poses[:, :, :3], poses[:, :, 3:] + self._half * shift[:, :, None]], 2)
        offset = poses[:, :, 3] - self._center
        outward = _unit(_unit(offset) + shift)
        return _look(self._center + offset.norm(dim=1, keepdim=True) * outward, -outward)

    def rays(
        self, poses: Tensor, which: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Rays through random places of the pictures.

        Shape
            which ``(R,)`` int64, the pose of each ray -> origins, unit directions ``(R, 3)``
        """
        place = 2 * torch.rand(len(which), 2, generator=generator) - 1
        x, y = (place * self._tangent(poses)[which, None]).unbind(1)
        chosen = poses[which]
        toward = chosen[:, :, 0] * x[:, None] + chosen[:, :, 1] * y[:, None] + chosen[:, :, 2]
        return chosen[:, :, 3], toward / (x * x + y * y + 1).sqrt()[:, None]

    def cameras(self, poses: Tensor, side: int) -> Cameras:
        """Poses as cameras of `side` times `side` pixels."""
        focal = side / 2 / self._tangent(poses)
        middle = torch.full_like(focal, side / 2)
        return Cameras(
            poses,
            torch.stack([focal, focal, middle, middle], 1),
            torch.zeros(len(poses), 6),
            torch.zeros(len(poses), dtype=torch.int32),
            torch.full((len(poses), 2), side, dtype=torch.int32),
        )

    def _tangent(self, poses: Tensor) -> Tensor:
        """Of half the view of each pose: the sphere around the inner cube fits into it."""
        if self._unbounded:
            return torch.full((len(poses),), self._view)
        radius = math.sqrt(3) * self._half
        distance = (poses[:, :, 3] - self._center).norm(dim=1)
        beyond = (distance.square() - radius**2).clamp(min=(radius / WIDEST) ** 2)
        return radius / beyond.sqrt()


def _view(cameras: Cameras) -> float:
    """Median tangent of half the wider view."""
    half = cameras.size.float() / 2 / cameras.intrinsics[:, :2]
    return min(float(half.amax(1).median()), WIDEST)


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=1, keepdim=True).clamp(min=1e-9)


def _look(origin: Tensor, forward: Tensor) -> Tensor:
    """Poses at `origin` that look along `forward`; their roll is of no concern."""
    least = forward.abs().argmin(1)
    right = _unit(torch.linalg.cross(forward, torch.eye(3)[least]))
    return torch.stack([right, torch.linalg.cross(forward, right), forward, origin], 2)
