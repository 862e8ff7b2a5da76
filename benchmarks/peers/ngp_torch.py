"""A radiance field of the instant-NGP kind and its renderer in pure PyTorch.

Same model, occupancy grid and packed samples as nfield's; the hash grid, the networks and the
marching are compiled by `torch.compile`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peers.composite_torch import composite
from benchmarks.peers.hash_grid_torch import HashGrid, make_levels
from benchmarks.peers.march_torch import Occupancy, Samples, Space
from benchmarks.peers.spherical_harmonics_torch import spherical_harmonics
from nfield.config import Config
from nfield.data.scene import Bounds
from nfield.fields.model import Model
from nfield.render.cameras import Cameras

PIECE = 1 << 14  # rays of a view that are rendered at once


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
    """Field and occupancy grid; renders views and shades packed samples.

    Everything that meets the field is padded to batches of one size, so that it compiles once.
    """

    def __init__(self, bounds: Bounds, config: Config, *, compiled: bool = True) -> None:
        settings = config.occupancy
        self.batch = config.train.samples
        self.space = Space(bounds, levels=settings.levels, steps=settings.steps)
        self.occupancy = Occupancy(self.space, bounds.hull, settings)
        self.field = Field(config.model)
        self.evaluate: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] = self.field
        self.evaluate_density: Callable[[Tensor], Tensor] = self.field.density
        if compiled:
            self.evaluate = torch.compile(self.field, dynamic=False)
            self.evaluate_density = torch.compile(self.field.density, dynamic=False)
            self.occupancy.mask = torch.compile(self.occupancy.mask, dynamic=True)

    @torch.no_grad()
    def copy_from(self, model: Model) -> None:
        """Take the weights and the occupancy of a model that nfield has trained."""
        state = model.state_dict()
        self.field.grid.table.copy_(state["field.encoding.table"])
        for name in ("density_network", "color_network"):
            weights = state[f"field.{name}.weights"].split(
                [parameter.numel() for parameter in getattr(self.field, name).parameters()]
            )
            for parameter, values in zip(getattr(self.field, name).parameters(), weights):
                parameter.copy_(values.view_as(parameter))
        self.occupancy.cells = model.occupancy.cells
        self.occupancy.thickness = state["occupancy.thickness"].clone()
        self.occupancy.bits[:] = False
        self.occupancy.refresh()

    def density(self, x: Tensor) -> Tensor:
        """Density (N,) at unit-cube points (N, 3), in batches of one size."""
        parts = []
        for part in x.split(self.batch):
            padded = nn.functional.pad(part, (0, 0, 0, self.batch - len(part)))
            parts.append(self.evaluate_density(padded)[: len(part)])
        return torch.cat(parts)

    def shade(self, samples: Samples, direction: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Colour without background, opacity and depth of the rays, in batches of one size."""
        sigmas, colors = [torch.zeros(0)], [torch.zeros(0, 3)]
        for x, ray in zip(samples.x.split(self.batch), samples.ray.split(self.batch), strict=True):
            missing = (0, 0, 0, self.batch - len(x))
            sigma, rgb = self.evaluate(
                nn.functional.pad(x, missing), nn.functional.pad(direction[ray], missing)
            )
            sigmas.append(sigma[: len(x)])
            colors.append(rgb[: len(x)])
        sigma, rgb, dt = torch.cat(sigmas), torch.cat(colors), samples.dt / self.space.half_size
        return composite(sigma, rgb, samples.t, dt, samples.ray, samples.offset)

    @torch.no_grad()
    def render(
        self, cameras: Cameras, index: int, background: tuple[float, ...] = (1.0, 1.0, 1.0)
    ) -> Tensor:
        """View `index` (H, W, 3) float32 in [0, 1], composited on the background."""
        rows = []
        rays = view_rays(cameras, index)
        for origin, direction in zip(*(part.split(PIECE) for part in rays), strict=True):
            middle = torch.full((len(origin),), 0.5)
            samples = self.occupancy.march(origin, direction, middle)
            color, opacity, _ = self.shade(samples, direction)
            rows.append(color + (1 - opacity[:, None]) * torch.tensor(background))
        width, height = cameras.size[index].tolist()
        return torch.cat(rows).reshape(height, width, 3).clamp(0, 1)


def view_rays(cameras: Cameras, index: int) -> tuple[Tensor, Tensor]:
    width, height = cameras.size[index].tolist()
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixels = torch.stack([x, y], -1).reshape(-1, 2) + 0.5
    return cameras.rays(torch.full((len(pixels),), index), pixels)
