"""A shape as a target: the distance to its surface at points of the unit cube."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nfield.data.raster import strata
from nfield.data.surface import Floats, Surface, cell_order, read_surface
from nfield.errors import InputError

MARGIN = 0.05  # between the mesh's longest side and the walls of the unit cube
POOL = 1 << 20  # points whose distance is found before a fit begins
# Shares of the pool: on the surface, near it, and anywhere in the cube.
_SURFACE, _NEAR = 1 / 8, 3 / 8
_NOISE = (0.003, 0.02)  # standard deviations of near points, in halves, in sides of the cube


@dataclass(frozen=True)
class Pool:
    """Points of the unit cube with their distances, along a curve through space.

    Shape
        x ``(P, 3)``, distance ``(P, 1)`` float32
    """

    x: Tensor
    distance: Tensor

    def __len__(self) -> int:
        return len(self.x)

    @property
    def out_dim(self) -> int:
        """Values of a point."""
        return 1

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """`count` random points and their distances; all of them where there are not more."""
        if count >= len(self):
            return self.x, self.distance
        index = strata(len(self), count, generator)
        return self.x[index], self.distance[index]


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh, moved and scaled into the unit cube.

    surface: in the unit cube, its longest side 1 - 2 MARGIN.
    center, scale: unit cube = (input - center) * scale + 1/2.
    signed: whether distances are negative inside.
    notes: what was found about the mesh, one sentence each.
    """

    name: str
    path: str
    surface: Surface
    center: tuple[float, float, float]
    scale: float
    signed: bool
    notes: tuple[str, ...] = ()

    def distance(self, x: Floats) -> Floats:
        """Distances ``(N,)`` of points ``(N, 3)`` to the surface, in sides of the cube."""
        distance = self.surface.distance(x)
        return np.where(self.surface.inside(x), -distance, distance) if self.signed else distance

    def points(self, seed: int, size: int = POOL) -> Pool:
        """What is fitted: points with their distances; equal seeds give equal bits.

        An eighth lies on the surface, three eighths within normal noise of it, half anywhere.
        """
        rng = np.random.default_rng(seed)
        on, near = round(_SURFACE * size), round(_NEAR * size)
        places, _ = self.surface.sample(on + near, seed)
        noise = np.where(np.arange(near)[:, None] % 2, *_NOISE) * rng.standard_normal((near, 3))
        around = np.clip(places[on:] + noise, 0, 1).astype(np.float32)
        anywhere = rng.random((size - on - near, 3), dtype=np.float32)
        asked = np.concatenate([around, anywhere])
        distance = np.concatenate([np.zeros(on, np.float32), self.distance(asked)])
        x = np.concatenate([places[:on], asked])
        order = cell_order(x)
        return Pool(torch.from_numpy(x[order]), torch.from_numpy(distance[order, None]))


def load_mesh(data: str, *, distance: str = "signed") -> Mesh:
    """Read a mesh file.

    Args:
        distance: `signed`, negative inside, or `unsigned`.

    Raises:
        InputError: the file is missing or unreadable, has no extent, or is not watertight where
            distances are to be signed; the extra `mesh` is not installed.
    """
    file = Path(data)
    surface, watertight = read_surface(file)
    low, high = surface.vertices.min(0).astype(float), surface.vertices.max(0).astype(float)
    longest = float((high - low).max())
    if not longest > 0:
        raise InputError(f"{file}: mesh must have an extent, got all vertices at one place")
    if distance == "signed" and not watertight:
        raise InputError(
            f"{file}: mesh must be watertight for a signed distance, got one with holes; "
            "close them, or fit the unsigned distance with --set distance=unsigned"
        )
    center, scale = (low + high) / 2, (1 - 2 * MARGIN) / longest
    x, y, z = center.tolist()
    moved = Surface((surface.vertices - center) * scale + 0.5, surface.faces)
    notes = () if watertight else ("the mesh is not watertight: it has no inside",)
    return Mesh(file.stem, data, moved, (x, y, z), scale, distance == "signed", notes)
