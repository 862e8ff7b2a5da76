"""A radiance field of the instant-NGP kind and its renderer in pure PyTorch.

Same model, occupancy grid, packed and visible samples as nfield's; the hash grid, the networks and
the marching are compiled by `torch.compile`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peers.composite_torch import composite, distortion, weights
from benchmarks.peers.hash_grid_torch import HashGrid, make_levels
from benchmarks.peers.march_torch import Occupancy, Samples, Space
from benchmarks.peers.spherical_harmonics_torch import spherical_harmonics
from benchmarks.peers.visibility_torch import visible
from nfield.config import Config
from nfield.fields.model import Model
from nfield.render.bounds import Bounds
from nfield.render.cameras import Cameras

PIECE = 1 << 16  # rays of a view that are rendered at once
PART = 1 << 13  # samples that meet the field at once: some milliseconds of work, little padding


class Field(nn.Module):
    """Hash grid, density network and colour network.

    Shape: x (N, 3) in [0, 1], directions (N, 3) -> sigma (N,), rgb (N, 3), all float32.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        levels = make_levels(
            model.levels, model.log2_table, model.base_resolution, model.finest_resolution
        )
        entries = levels[-1].offset + levels[-1].size
        table = torch.empty(entries, model.features).uniform_(-1e-4, 1e-4)
        latent = model.geometry_features + 1
        features = model.levels * model.features
        self.grid = HashGrid(levels, table)
        self.density_network = _network(features, latent, model.width, model.density_hidden)
        self.color_network = _network(latent + 16, 3, model.width, model.color_hidden)

    def density(self, x: Tensor) -> Tensor:
        return _density(self.density_network(self.grid(x)))

    def forward(self, x: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
        latent = self.density_network(self.grid(x))
        inputs = torch.cat([latent, spherical_harmonics(direction)], 1)
        return _density(latent), torch.sigmoid(self.color_network(inputs))


def _network(inputs: int, outputs: int, width: int, hidden: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise([inputs, *[width] * hidden, outputs]):
        layers += [nn.Linear(a, b, bias=False), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _density(latent: Tensor) -> Tensor:
    return torch.exp(latent[:, 0].clamp(-15, 12))


class TorchNgp:
    """Field and occupancy grid; renders views and shades packed samples."""

    def __init__(self, bounds: Bounds, config: Config, *, compiled: bool = True) -> None:
        settings = config.occupancy
        self.space = Space(bounds, levels=settings.levels, steps=settings.steps)
        self.occupancy = Occupancy(self.space, bounds.hull, settings)
        self.field = Field(config.model)
        self.evaluate: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] = self.field
        self.evaluate_density: Callable[[Tensor], Tensor] = self.field.density
        if compiled:
            self.evaluate = torch.compile(self.field, dynamic=False)
            self.evaluate_density = torch.compile(self.field.density, dynamic=False)
            self.occupancy.compile()

    @torch.no_grad()
    def copy_from(self, model: Model) -> None:
        """Take the weights and the occupancy of a model that nfield has trained."""
        state = model.state_dict()
        self.field.grid.table.copy_(state["field.encoding.table"])
        names = {"density_network": "density_network", "color_network": "color_head.network"}
        for name, ours in names.items():
            weights = state[f"field.{ours}.weights"].split(
                [parameter.numel() for parameter in getattr(self.field, name).parameters()]
            )
            for parameter, values in zip(getattr(self.field, name).parameters(), weights):
                parameter.copy_(values.view_as(parameter))
        self.occupancy.cells = model.occupancy.cells
        self.occupancy.thickness = state["occupancy.thickness"].clone()
        self.occupancy.bits[:] = False
        self.occupancy.refresh()

    def density(self, x: Tensor) -> Tensor:
        """Density (N,) at unit-cube points (N, 3)."""
        return in_parts(lambda part: (self.evaluate_density(part),), PART, x)[0]

    @torch.no_grad()
    def visible(self, samples: Samples) -> Samples:
        """The samples that light reaches, by the density there."""
        thickness = self.density(samples.x) * (samples.dt / self.space.half_size)
        return samples.take(*visible(thickness, samples.ray, samples.offset))

    def shade(
        self, samples: Samples, direction: Tensor, *, part: int = PART
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Colour without background and opacity of the rays, and the samples' density; `part`
        samples at a time.
        """
        sigma, rgb = in_parts(self.evaluate, part, samples.x, direction[samples.ray])
        dt = samples.dt / self.space.half_size
        color, opacity, _ = composite(sigma, rgb, samples.t, dt, samples.ray, samples.offset)
        return color, opacity, sigma

    def distortion(self, samples: Samples, sigma: Tensor) -> Tensor:
        """Mean spread of the rays' light, in s = t / (t + half size)."""
        half = self.space.half_size
        weight = weights(sigma, samples.dt / half, samples.ray, samples.offset)
        near, far = samples.t - samples.dt / 2, samples.t + samples.dt / 2
        begin, end = near / (near + half), far / (far + half)
        return distortion(weight, (begin + end) / 2, end - begin, samples.ray, samples.offset)

    @torch.no_grad()
    def render(
        self, cameras: Cameras, index: int, background: tuple[float, ...] = (1.0, 1.0, 1.0)
    ) -> Tensor:
        """View `index` (H, W, 3) float32 in [0, 1], composited on the background."""
        rows = []
        rays = view_rays(cameras, index)
        for origin, direction in zip(*(part.split(PIECE) for part in rays), strict=True):
            middle = torch.full((len(origin),), 0.5)
            samples = self.visible(self.occupancy.march(origin, direction, middle))
            color, opacity, _ = self.shade(samples, direction)
            rows.append(color + (1 - opacity[:, None]) * torch.tensor(background))
        width, height = cameras.size[index].tolist()
        return torch.cat(rows).reshape(height, width, 3).clamp(0, 1)


def in_parts(
    function: Callable[..., tuple[Tensor, ...]], size: int, *inputs: Tensor
) -> list[Tensor]:
    """The outputs of `function` for all rows of the inputs, `size` at a time.

    The last rows are padded: with one size only, a function is compiled once, for that size.
    """
    outputs = []
    for part in zip(*(values.split(size) for values in inputs), strict=True):
        count = len(part[0])
        padded = (nn.functional.pad(values, (0, 0, 0, size - count)) for values in part)
        outputs.append([values[:count] for values in function(*padded)])
    return [torch.cat(column) for column in zip(*outputs, strict=True)]


def view_rays(cameras: Cameras, index: int) -> tuple[Tensor, Tensor]:
    width, height = cameras.size[index].tolist()
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixels = torch.stack([x, y], -1).reshape(-1, 2) + 0.5
    return cameras.rays(torch.full((len(pixels),), index), pixels)
