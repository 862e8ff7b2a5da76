"""Built-in scenes: rendered when first looked at, with exact ground truth."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nfield.data.models import MODELS
from nfield.data.scene import Scene, Views
from nfield.data.solids import Array, Solid, dot
from nfield.data.tracer import Hits, shade, surface, trace
from nfield.errors import InputError
from nfield.render.cameras import Cameras

SIZE = 200
TRAIN_VIEWS = 64
TEST_VIEWS = 16
# Rays a side of a pixel, on a regular lattice; never fewer than full pixels in it, lest thin parts
# fall between them.
_SUPERSAMPLE = 3
# Side of the squares of rays traced at once: small enough to pass by some solids, and so large that
# threads, one a view, seldom wait for the interpreter.
_TILE = 600
_DISTANCE = 4.4
# 40 degrees, as NeRF's Blender scenes.
_FOCAL = SIZE / (2 * math.tan(0.6911112 / 2))


@dataclass(frozen=True)
class Rendered:
    """Views of solids, traced on demand and kept: the `Source` of the built-in scenes."""

    solids: tuple[Solid, ...]
    cameras: Cameras
    downscale: int
    _kept: dict[int, np.ndarray] = field(default_factory=dict, compare=False, repr=False)

    def image(self, i: int) -> np.ndarray:
        """(H, W, 4) uint8: alpha is the share of a pixel's rays that hit, colour their mean, taken
        of sRGB values.
        """
        if i not in self._kept:
            self._kept[i] = self._render(i)
        return self._kept[i].copy()

    def mask(self, i: int) -> None:
        """Every pixel counts."""

    def truth(self, i: int) -> dict[str, np.ndarray]:
        """Depth, normal and albedo at pixel centres, traced in float64."""
        origin, direction = self._rays(i, 1, np.float64)
        distance, normal, albedo = self._maps(origin, direction)
        width, height = self.cameras.size[i].tolist()
        return {
            "depth": distance.astype(np.float32).reshape(height, width),
            "normal": normal.astype(np.float32).T.reshape(height, width, 3),
            "albedo": albedo.astype(np.float32).T.reshape(height, width, 3),
        }

    def _maps(self, origin: Array, direction: Array) -> tuple[Array, Array, Array]:
        hits = trace(self.solids, origin, direction)
        found, hits = _found(hits)
        seen = surface(self.solids, hits, origin[:, found], direction[:, found])
        distance = np.full_like(direction[0], np.inf)
        normal, albedo = np.zeros_like(direction), np.zeros_like(direction)
        distance[found], normal[:, found], albedo[:, found] = (
            hits.distance,
            seen.normal,
            seen.albedo,
        )
        return distance, normal, albedo

    def _render(self, i: int) -> np.ndarray:
        side = max(_SUPERSAMPLE, self.downscale)
        width, height = self.cameras.size[i].tolist()
        shape = (-1, height * side, width * side)
        origin, direction = (vectors.reshape(shape) for vectors in self._rays(i, side, np.float32))
        color = np.zeros((4, *shape[1:]), dtype=np.float32)
        for y in range(0, shape[1], _TILE):
            for x in range(0, shape[2], _TILE):
                tile = (slice(None), slice(y, y + _TILE), slice(x, x + _TILE))
                rays = origin[tile].reshape(3, -1), direction[tile].reshape(3, -1)
                color[tile] = self._colors(*rays).reshape(color[tile].shape)
        total = color.reshape(4, height, side, width, side).sum(axis=(2, 4))
        mean = np.concatenate([total[:3] / np.maximum(total[3:], 1), total[3:] / side**2])
        return np.rint(mean * 255).astype(np.uint8).transpose(1, 2, 0).copy()

    def _colors(self, origin: Array, direction: Array) -> Array:
        """sRGB and one where rays hit, zeros where they miss: (4, N)."""
        color = np.zeros((4, direction.shape[1]), dtype=np.float32)
        found, hits = _found(trace(self.solids, origin, direction))
        seen = surface(self.solids, hits, origin[:, found], direction[:, found])
        color[:3, found] = _srgb(shade(self.solids, seen, direction[:, found]))
        color[3, found] = 1
        return color

    def _rays(self, i: int, side: int, dtype: type) -> tuple[Array, Array]:
        """Rays through side x side points of every pixel, row by row: origins and unit directions
        (3, N).
        """
        width, height = self.cameras.size[i].tolist()
        y = (torch.arange(height * side) + 0.5) / side
        x = (torch.arange(width * side) + 0.5) / side
        rows, columns = torch.meshgrid(y, x, indexing="ij")
        pixels = torch.stack([columns.reshape(-1), rows.reshape(-1)], dim=1)
        index = torch.full((len(pixels),), i, dtype=torch.int64)
        origin, direction = (
            vectors.numpy().T.astype(dtype, order="C")
            for vectors in self.cameras.rays(index, pixels)
        )
        return origin, direction / np.sqrt(dot(direction, direction))


def load_builtin(name: str, *, downscale: int = 1) -> Scene:
    """A built-in scene by name: 64 training views around it, 16 test views on an orbit, 200 x 200
    pixels.

    Raises: InputError naming the known scenes, or when `downscale` leaves no pixel.
    """
    if name not in MODELS:
        raise InputError(
            f"builtin: must name one of {', '.join(MODELS)}, got {name!r}; choose one of them"
        )
    if downscale > SIZE:
        raise InputError(
            f"downscale: must be at most {SIZE} for built-in scenes, got {downscale}; use 1 or 2"
        )
    solids = MODELS[name]()
    splits = {
        split: _views(solids, split, places(), downscale)
        for split, places in (("train", _around), ("test", _orbit))
    }
    return Scene(name, f"builtin:{name}", splits)


def _views(solids: tuple[Solid, ...], split: str, places: Tensor, downscale: int) -> Views:
    count = len(places)
    cameras = Cameras(
        _look_at_center(places).float(),
        torch.tensor([[_FOCAL, _FOCAL, SIZE / 2, SIZE / 2]]).repeat(count, 1),
        torch.zeros(count, 6),
        torch.zeros(count, dtype=torch.int32),
        torch.full((count, 2), SIZE, dtype=torch.int32),
    ).scaled(downscale)
    names = tuple(f"{split}/{i:03d}" for i in range(count))
    return Views(cameras, names, 4, Rendered(solids, cameras, downscale))


def _around() -> Tensor:
    """Training positions: a Fibonacci lattice on the sphere from a little below the middle to near
    the top.
    """
    i = torch.arange(TRAIN_VIEWS, dtype=torch.float64)
    height = -0.2 + 1.15 * (i + 0.5) / TRAIN_VIEWS
    return _on_sphere(height, i * (math.pi * (3 - math.sqrt(5))))


def _orbit() -> Tensor:
    """Test positions: one turn, rising and falling twice between 9 and 37 degrees."""
    turn = 2 * math.pi * (torch.arange(TEST_VIEWS, dtype=torch.float64) + 0.5) / TEST_VIEWS
    return _on_sphere(torch.sin(0.4 + 0.25 * torch.sin(2 * turn)), turn)


def _on_sphere(height: Tensor, azimuth: Tensor) -> Tensor:
    across = (1 - height * height).sqrt()
    unit = torch.stack([across * torch.cos(azimuth), across * torch.sin(azimuth), height], dim=1)
    return _DISTANCE * unit


def _look_at_center(places: Tensor) -> Tensor:
    """OpenCV camera-to-world matrices (C, 3, 4) looking at the origin, z up in the image."""
    forward = -places / places.norm(dim=1, keepdim=True)
    up = torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64).expand_as(forward)
    right = torch.linalg.cross(forward, up)
    right = right / right.norm(dim=1, keepdim=True)
    down = torch.linalg.cross(forward, right)
    return torch.stack([right, down, forward, places], dim=2)


def _found(hits: Hits) -> tuple[Any, Hits]:
    """The rays that hit, and their hits."""
    found = (hits.solid >= 0).nonzero()[0]
    return found, Hits(hits.distance[found], hits.solid[found])


def _srgb(linear: Array) -> Array:
    """IEC 61966-2-1, values above 1 clipped."""
    linear = np.clip(linear, 0, 1)
    curve = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, 12.92 * linear, curve)
