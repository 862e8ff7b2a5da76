"""Scales and shifts of a network's hidden layers, interpolated from a grid over coordinates."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nfield.ops import check
from nfield.ops.dense_grid import DenseGridShape, dense_grid
from nfield.ops.native import placed

# What the coordinates p are, and how many numbers make one.
DOMAINS = {"image": 2, "time": 1, "direction": 3, "space": 3}
# Axes of the resolution: a direction has two angles.
AXES = {**DOMAINS, "direction": 2}


@dataclass(frozen=True)
class ModulationGrid:
    """A grid of scales and shifts.

    Raises:
        ValueError: an unknown domain, or as many resolutions as the domain does not have.

    Args:
        domain: What the coordinates are: ``image`` (x, y) in [0, 1]; ``time`` (t) in [0, 1];
            ``direction`` unit vectors, on a grid over azimuth, which wraps, and elevation;
            ``space`` (x, y, z) in [0, 1], on the three planes xy, xz and yz.
        resolution: Vertices of every axis: of the image, the time, azimuth and elevation, or space.
        per_channel: Whether every channel has a scale and a shift of its own, or all of a layer
            share one.
    """

    domain: str
    resolution: tuple[int, ...]
    per_channel: bool = False

    def __post_init__(self) -> None:
        check.one_of("ModulationGrid", "domain", self.domain, tuple(DOMAINS))
        axes = AXES[self.domain]
        if len(self.resolution) != axes:
            raise ValueError(
                f"ModulationGrid: resolution over {self.domain} must have {axes} numbers, "
                f"got {len(self.resolution)}"
            )

    def shapes(self, channels: int) -> list[DenseGridShape]:
        """The dense grids it consists of."""
        if self.domain == "space":
            planes = itertools.combinations(self.resolution, 2)
            return [DenseGridShape(plane, channels) for plane in planes]
        wrap = (True, False) if self.domain == "direction" else ()
        return [DenseGridShape(self.resolution, channels, wrap)]

    def coordinates(self, p: Tensor) -> list[Tensor]:
        """The points in the dense grids."""
        if self.domain == "direction":
            return [angles(p)]
        if self.domain == "space":
            # Slices: a list of columns would be copied to a GPU, which recorded launches may not.
            planes = itertools.combinations(range(3), 2)
            return [p[:, first : second + 1 : second - first] for first, second in planes]
        return [p]


def angles(d: Tensor) -> Tensor:
    r"""Azimuth and elevation of unit vectors, as fractions.

    Formula
        $(\mathrm{atan2}(y, x) / 2\pi + 1/2,\; 1/2 - \mathrm{atan2}(z, \sqrt{x^2 + y^2}) / \pi)$:
        azimuth runs once around from the negative x axis, elevation from the top to the bottom
    Shape
        ``(N, 3)`` -> ``(N, 2)`` in [0, 1]
    """
    x, y, z = d.unbind(1)
    level = (x * x + y * y).clamp_min(1e-12).sqrt()  # its slope is finite at the poles too
    return torch.stack(
        (torch.atan2(y, x) / (2 * math.pi) + 0.5, 0.5 - torch.atan2(z, level) / math.pi), dim=1
    )


class Modulation(nn.Module):
    r"""Scales and shifts of all layers at once.

    Formula
        $\gamma = \prod_k (1 + a_k(p))$, $\beta = \sum_k b_k(p)$ over the dense grids a and b,
        interpolated linearly: one of each, or the three planes of space. All start at 0, hence
        $\gamma = 1$ and $\beta = 0$ exactly. Shifts are a sum over planes because the product of
        planes that start at zero has gradient zero and never learns.
    Shape
        p ``(N, 1 to 3)`` float32 -> scales and shifts, each ``(layers, N, 1 or width)``; parameters
        ``tables``: of every dense grid ``(vertices, 2 * layers * (1 or width))``
    Raises
        TypeError, ValueError: another dtype or shape; a grid that the memory does not take.
    Source
        Lee et al. 2024, Coordinate-Aware Modulation for Neural Fields, arXiv:2311.14993
    """

    def __init__(self, grid: ModulationGrid, layers: int, width: int):
        super().__init__()
        self.grid, self.layers = grid, layers
        self.channels = width if grid.per_channel else 1
        self.shapes = grid.shapes(2 * layers * self.channels)
        for shape in self.shapes:
            check.fits_memory("Modulation", (shape.entries, shape.channels))
        self.tables = nn.ParameterList(
            torch.zeros(shape.entries, shape.channels) for shape in self.shapes
        )

    @placed
    def forward(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        check.floats("Modulation", "p", p, None, DOMAINS[self.grid.domain])
        points = self.grid.coordinates(p)
        planes = [
            self._by_layer(dense_grid(x, table, shape))
            for x, table, shape in zip(points, self.tables, self.shapes, strict=True)
        ]
        scale, shift = 1 + planes[0][: self.layers], planes[0][self.layers :]
        for plane in planes[1:]:
            scale = scale * (1 + plane[: self.layers])
            shift = shift + plane[self.layers :]
        return scale, shift

    def _by_layer(self, values: Tensor) -> Tensor:
        """``(N, 2 * layers * channels)`` -> ``(2 * layers, N, channels)``, each layer dense."""
        return values.view(-1, 2 * self.layers, self.channels).transpose(0, 1).contiguous()

    def extra_repr(self) -> str:
        """Sizes, for printing."""
        return f"{self.grid}, layers={self.layers}, channels={self.channels}"
