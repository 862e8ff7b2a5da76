"""The radiance presets: each composes an encoding, a density network and colours."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nfield.encodings.frequency import Frequency
from nfield.encodings.lowrank import VM
from nfield.encodings.triplane import TriPlane
from nfield.encodings.voxel import Voxel
from nfield.fields.growth import Grid, Growth
from nfield.fields.hash_grid import hash_grid
from nfield.fields.presets.parts import GrowingSettings
from nfield.fields.presets.radiance import (
    CamSettings,
    LowRankSettings,
    NerfSettings,
    NgpSettings,
    RbfSettings,
    TriplaneSettings,
    VoxelSettings,
)
from nfield.fields.radiance import HarmonicColor, ModulatedRadiance, NetworkColor, Radiance, Regime
from nfield.networks.cam import CAM
from nfield.networks.mlp import MLP
from nfield.networks.modulation import ModulationGrid
from nfield.networks.rbf import RBF
from nfield.networks.skip_mlp import SkipMLP


def ngp(settings: NgpSettings) -> Radiance:
    """A hash grid between two small perceptrons."""
    encoding = hash_grid(settings, 3)
    latent = 1 + settings.geometry_features
    return Radiance(
        encoding,
        MLP(encoding.out_dim, latent, width=settings.width, hidden=settings.density_hidden),
        NetworkColor(latent, width=settings.width, hidden=settings.color_hidden),
    )


def nerf(settings: NerfSettings) -> Radiance:
    """Positional encoding into a deep perceptron."""
    encoding = Frequency(3, settings.bands)
    latent = 1 + settings.geometry_features
    network = SkipMLP(
        encoding.out_dim,
        latent,
        width=settings.width,
        hidden=settings.hidden,
        skip=settings.skip,
    )
    color = NetworkColor(latent, width=settings.color_width, hidden=settings.color_hidden)
    return Radiance(encoding, network, color)


def cam(settings: CamSettings) -> Radiance:
    """Positional encoding into a perceptron with coordinate-aware modulation.

    Every point is normalised by itself: statistics over a ray would depend on which of its samples
    the occupancy grid leaves out.
    """
    encoding = Frequency(3, settings.bands)
    latent = 1 + settings.geometry_features
    network = CAM(
        encoding.out_dim,
        latent,
        width=settings.width,
        hidden=settings.hidden,
        grid=ModulationGrid("space", (settings.grid_resolution,) * 3),
        norm="layer",
    )
    color = NetworkColor(latent, width=settings.color_width, hidden=settings.color_hidden)
    return ModulatedRadiance(encoding, network, color, grid_rate=settings.grid_rate)


def rbf(settings: RbfSettings) -> Radiance:
    """A hash grid into one layer of Gaussians."""
    encoding = hash_grid(settings, 3)
    color = HarmonicColor(settings.harmonics)
    network = RBF(
        encoding.out_dim, color.latent, kernels=settings.kernels, log_scale=settings.log_scale
    )
    return Radiance(encoding, network, color)


def triplane(settings: TriplaneSettings) -> Radiance:
    """Three planes of features between two small perceptrons."""
    encoding = TriPlane(resolution=settings.coarse_resolution, channels=settings.channels)
    latent = 1 + settings.geometry_features
    return Radiance(
        encoding,
        MLP(encoding.out_dim, latent, width=settings.width, hidden=settings.density_hidden),
        NetworkColor(latent, width=settings.width, hidden=settings.color_hidden),
        Regime(
            _smooth(encoding, settings.total_variation),
            _growth(encoding, settings),
            settings.network_rate,
        ),
    )


class TensorHead(nn.Module):
    r"""Latents of the products of planes and lines: densities are sums, colours are mixed.

    Formula
        $h_0 = \sum_m \sum_{c < C_\sigma} y_{mc}$, $h_{1..} = B\,(y_{mc})_{c \ge C_\sigma}$
    Shape
        y ``(N, 3 C)``, mode by mode -> ``(N, 1 + features)``
    Source
        Chen et al. 2022, TensoRF, arXiv:2203.09517, Eqs. 9 and 10
    """

    def __init__(self, density_channels: int, color_channels: int, features: int):
        super().__init__()
        self.density_channels = density_channels
        self.basis = MLP(3 * color_channels, features, hidden=0)

    def forward(self, y: Tensor) -> Tensor:
        """See the class."""
        modes = y.view(len(y), 3, y.shape[1] // 3)
        density = modes[:, :, : self.density_channels].sum((1, 2))
        colors = self.basis(modes[:, :, self.density_channels :].flatten(1))
        return torch.cat([density[:, None], colors], 1)


def lowrank(settings: LowRankSettings) -> Radiance:
    """A vector-matrix decomposition of density and features, and a perceptron for the colours."""
    channels = settings.density_channels + settings.color_channels
    encoding = VM(resolution=settings.coarse_resolution, channels=channels)
    features = settings.geometry_features
    head = TensorHead(settings.density_channels, settings.color_channels, features)
    weight = settings.sparsity
    return Radiance(
        encoding,
        head,
        NetworkColor(1 + features, width=settings.width, hidden=settings.color_hidden),
        Regime(
            (lambda: weight * encoding.sparsity()) if weight else None,
            _growth(encoding, settings),
            settings.network_rate,
        ),
    )


def voxel(settings: VoxelSettings) -> Radiance:
    """Raw density and colours at the vertices of a dense grid."""
    color = HarmonicColor(settings.harmonics)
    encoding = Voxel(3, resolution=settings.coarse_resolution, channels=color.latent)
    regime = Regime(_smooth(encoding, settings.total_variation), _growth(encoding, settings))
    return Radiance(encoding, nn.Identity(), color, regime)


def _smooth(grid: TriPlane | Voxel, weight: float) -> Callable[[], Tensor] | None:
    return (lambda: weight * grid.total_variation()) if weight else None


def _growth(grid: Grid, settings: GrowingSettings) -> Growth:
    return Growth(
        grid,
        settings.coarse_resolution,
        settings.resolution,
        settings.growth_stages,
        settings.growth_end,
    )
