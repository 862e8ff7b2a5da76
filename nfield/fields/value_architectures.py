"""The presets of images, shapes and videos: each composes an encoding, a network, an activation."""

from __future__ import annotations

from dataclasses import asdict

from torch import Tensor, nn

from nfield.encodings.fourier import Fourier
from nfield.encodings.triplane import TriPlane
from nfield.fields.hash_grid import hash_grid
from nfield.fields.presets.values import (
    CamSettings,
    FinerSettings,
    FourierSettings,
    HashSettings,
    RbfSettings,
    SirenSettings,
    TriplaneSettings,
)
from nfield.fields.values import ModulatedValues, Values
from nfield.networks.cam import CAM
from nfield.networks.finer import Finer
from nfield.networks.mlp import MLP
from nfield.networks.modulation import ModulationGrid
from nfield.networks.rbf import RBF
from nfield.networks.siren import Siren
from nfield.ops.pointwise import logistic


def hash_image(settings: HashSettings, values: int) -> Values:
    """The preset `hash-image`."""
    return _hash(settings, 2, values)


def hash_distance(settings: HashSettings, values: int) -> Values:
    """The preset `hash-sdf`."""
    return _hash(settings, 3, values)


def hash_video(settings: HashSettings, values: int) -> Values:
    """The preset `hash-video`."""
    return _hash(settings, 3, values)


def ffn(settings: FourierSettings, values: int) -> Values:
    """The preset `ffn`: random Fourier features into a perceptron."""
    encoding = Fourier(2, settings.features, settings.sigma)
    width, hidden = settings.width, settings.hidden
    network = MLP(encoding.out_dim, values, width=width, hidden=hidden, bias=True)
    return Values(encoding, network, logistic)


def siren_image(settings: SirenSettings, values: int) -> Values:
    """The preset `siren`."""
    return Values(Centered(), Siren(2, values, **asdict(settings)), colors)


def siren_distance(settings: SirenSettings, values: int) -> Values:
    """The preset `siren-sdf`."""
    return Values(Centered(), Siren(3, values, **asdict(settings)))


def finer_image(settings: FinerSettings, values: int) -> Values:
    """The preset `finer`."""
    return Values(Centered(), Finer(2, values, **asdict(settings)), colors)


def cam_image(settings: CamSettings, values: int) -> Values:
    """The preset `cam-image`: scales and shifts over the image."""
    grid = ModulationGrid("image", (settings.grid_resolution,) * 2)
    return _cam(settings, 2, values, grid)


def cam_video(settings: CamSettings, values: int) -> Values:
    """The preset `cam-video`: scales and shifts of every channel over time."""
    grid = ModulationGrid("time", (settings.grid_resolution,), per_channel=True)
    return _cam(settings, 3, values, grid)


def rbf_image(settings: RbfSettings, values: int) -> Values:
    """The preset `rbf-image`."""
    return _rbf(settings, 2, values)


def rbf_distance(settings: RbfSettings, values: int) -> Values:
    """The preset `rbf-sdf`."""
    return _rbf(settings, 3, values)


def triplane_distance(settings: TriplaneSettings, values: int) -> Values:
    """The preset `triplane-sdf`."""
    encoding = TriPlane(resolution=settings.resolution, channels=settings.channels)
    width, hidden = settings.width, settings.hidden
    network = MLP(settings.channels, values, width=width, hidden=hidden, bias=True)
    return Values(encoding, network)


class Centered(nn.Module):
    """Points of the unit cube as points of [-1, 1]^D, where sines are initialised."""

    def forward(self, x: Tensor) -> Tensor:
        """2 x - 1."""
        return 2 * x - 1


def colors(y: Tensor) -> Tensor:
    """Values around 0 as colours around grey: (y + 1) / 2."""
    return 0.5 * y + 0.5


def _hash(settings: HashSettings, in_dim: int, values: int) -> Values:
    encoding = hash_grid(settings, in_dim)
    network = MLP(encoding.out_dim, values, width=settings.width, hidden=settings.hidden)
    return Values(encoding, network)


def _rbf(settings: RbfSettings, in_dim: int, values: int) -> Values:
    encoding = hash_grid(settings, in_dim)
    network = RBF(encoding.out_dim, values, kernels=settings.kernels, log_scale=settings.log_scale)
    return Values(encoding, network)


def _cam(settings: CamSettings, in_dim: int, values: int, grid: ModulationGrid) -> Values:
    encoding = Fourier(in_dim, settings.features, settings.sigma)
    network = CAM(encoding.out_dim, values, width=settings.width, hidden=settings.hidden, grid=grid)
    first = 2 if grid.domain == "time" else 0
    return ModulatedValues(encoding, network, grid_rate=settings.grid_rate, first=first)
