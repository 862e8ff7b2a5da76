"""Radiance fields by name."""

from __future__ import annotations

from dataclasses import dataclass, field

from nfield.fields.presets.parts import GrowingSettings, HashGridSettings
from nfield.fields.presets.preset import Preset

_FROM_0 = {"least": 0}
_FROM_2 = {"least": 2}


@dataclass(frozen=True)
class NgpSettings(HashGridSettings):
    """Hash grid, a density network and a colour network (arXiv:2201.05989)."""

    width: int = 64
    geometry_features: int = 15
    density_hidden: int = field(default=1, metadata=_FROM_0)
    color_hidden: int = field(default=2, metadata=_FROM_0)


@dataclass(frozen=True)
class NerfSettings:
    """Octaves of sines into a perceptron that they join again half-way (arXiv:2003.08934)."""

    bands: int = 8
    width: int = 128
    hidden: int = field(default=5, metadata=_FROM_2)
    skip: int = 3
    geometry_features: int = 15
    color_width: int = 64
    color_hidden: int = field(default=1, metadata=_FROM_0)


@dataclass(frozen=True)
class CamSettings:
    """Octaves of sines into a perceptron modulated by three planes (arXiv:2311.14993)."""

    bands: int = 8
    width: int = 96
    hidden: int = 3
    grid_resolution: int = field(default=56, metadata=_FROM_2)
    geometry_features: int = 15
    color_width: int = 64
    color_hidden: int = field(default=1, metadata=_FROM_0)
    grid_rate: float = 10.0


@dataclass(frozen=True)
class RbfSettings(HashGridSettings):
    """Hash grid and one layer of Gaussians to harmonics of the colour (arXiv:2503.06762)."""

    kernels: int = 32
    log_scale: float = field(default=1.5, metadata=_FROM_0)
    harmonics: int = field(default=3, metadata={"most": 4})


@dataclass(frozen=True)
class TriplaneSettings(GrowingSettings):
    """Sum of three planes of features into small perceptrons (arXiv:2112.07945)."""

    channels: int = 32
    width: int = 64
    geometry_features: int = 15
    density_hidden: int = field(default=1, metadata=_FROM_0)
    color_hidden: int = field(default=2, metadata=_FROM_0)
    total_variation: float = field(default=1e-3, metadata=_FROM_0)
    network_rate: float = 0.1


@dataclass(frozen=True)
class VoxelSettings(GrowingSettings):
    """Raw density and harmonics of the colour in one dense grid (arXiv:2112.05131)."""

    resolution: int = 96
    coarse_resolution: int = 24
    harmonics: int = field(default=2, metadata={"most": 4})
    total_variation: float = field(default=5e-3, metadata=_FROM_0)


@dataclass(frozen=True)
class LowRankSettings(GrowingSettings):
    """Products of planes and lines, summed to densities, mixed to features (arXiv:2203.09517)."""

    resolution: int = 192
    growth_stages: int = 3
    density_channels: int = 8
    color_channels: int = 24
    geometry_features: int = 15
    width: int = 64
    color_hidden: int = field(default=2, metadata=_FROM_0)
    sparsity: float = field(default=8e-5, metadata=_FROM_0)
    network_rate: float = 0.1


_BUILD = "nfield.fields.architectures:"

# What a teacher says has no noise: a network that every sample changes as a whole learns from few
# samples a step, and more steps; and from its greatest errors. Tables, where a sample changes what
# lies around it, want many, from everywhere. Pixels from the first step on: what has learned points
# alone must learn anew.
_PERCEPTRON = {"samples": 4096, "latents": 0.0, "points": 0.0, "hard_rays": True}

PRESETS = {
    "ngp": Preset("radiance", NgpSettings(), _BUILD + "ngp"),
    "nerf": Preset(
        "radiance",
        NerfSettings(),
        _BUILD + "nerf",
        {"learning_rate": 2e-3, "final_learning_rate": 1e-4},
        _PERCEPTRON,
    ),
    "cam": Preset(
        "radiance",
        CamSettings(),
        _BUILD + "cam",
        {"learning_rate": 2e-3, "final_learning_rate": 1e-4},
        _PERCEPTRON,
    ),
    "rbf": Preset(
        "radiance", RbfSettings(), _BUILD + "rbf", convert=_PERCEPTRON | {"samples": 8192}
    ),
    "triplane": Preset(
        "radiance", TriplaneSettings(), _BUILD + "triplane", {"learning_rate": 2e-2}
    ),
    "lowrank": Preset("radiance", LowRankSettings(), _BUILD + "lowrank", {"learning_rate": 2e-2}),
    "voxel": Preset("radiance", VoxelSettings(), _BUILD + "voxel", {"learning_rate": 1e-1}),
}
