"""Fields of values at points, by name: images, distances to shapes, videos."""

from __future__ import annotations

from dataclasses import dataclass, field

from nfield.fields.presets.parts import HashGridSettings
from nfield.fields.presets.preset import Preset


@dataclass(frozen=True)
class HashSettings(HashGridSettings):
    """Hash grid and perceptron (arXiv:2201.05989)."""

    finest_resolution: int = 512
    width: int = 64
    hidden: int = field(default=2, metadata={"least": 0})


@dataclass(frozen=True)
class FourierSettings:
    """Random Fourier features into a perceptron (arXiv:2006.10739)."""

    features: int = 256
    sigma: float = 10.0
    width: int = 256
    hidden: int = 3


@dataclass(frozen=True)
class SirenSettings:
    """Perceptron with sines between its layers (arXiv:2006.09661)."""

    width: int = 256
    hidden: int = 3
    omega_first: float = 30.0
    omega_hidden: float = 30.0


@dataclass(frozen=True)
class FinerSettings(SirenSettings):
    """Perceptron with sines whose frequency grows with their argument (arXiv:2312.02434)."""

    first_bias: float = field(default=1.0, metadata={"least": 0})


@dataclass(frozen=True)
class CamSettings:
    """Random Fourier features into a modulated perceptron (arXiv:2311.14993)."""

    features: int = 256
    sigma: float = 10.0
    width: int = 256
    hidden: int = 3
    grid_resolution: int = field(default=32, metadata={"least": 2})
    grid_rate: float = 10.0


@dataclass(frozen=True)
class RbfSettings(HashGridSettings):
    """Hash grid and one layer of Gaussians (arXiv:2503.06762)."""

    finest_resolution: int = 512
    kernels: int = 64
    log_scale: float = field(default=0.0, metadata={"least": 0})


@dataclass(frozen=True)
class TriplaneSettings:
    """Sum of three planes of features (arXiv:2112.07945) into a perceptron."""

    resolution: int = field(default=128, metadata={"least": 2})
    channels: int = 16
    width: int = 64
    hidden: int = 2


_BUILD = "nfield.fields.value_architectures:"
_HASH = {"learning_rate": 1e-2, "final_learning_rate": 2e-4}
_NETWORK = {"learning_rate": 1e-3, "final_learning_rate": 1e-5}
_SINES = {"learning_rate": 2e-4, "final_learning_rate": 1e-5}
_RELATIVE = {"loss": "relative", "final_learning_rate": 1e-4}

PRESETS = {
    "hash-image": Preset("image", HashSettings(), _BUILD + "hash_image", _HASH),
    "ffn": Preset("image", FourierSettings(), _BUILD + "ffn", _NETWORK),
    "siren": Preset("image", SirenSettings(), _BUILD + "siren_image", _SINES),
    "finer": Preset("image", FinerSettings(), _BUILD + "finer_image", _SINES),
    "cam-image": Preset("image", CamSettings(), _BUILD + "cam_image", _NETWORK),
    "rbf-image": Preset(
        "image", RbfSettings(log_scale=3.0), _BUILD + "rbf_image", {**_HASH, "loss": "l1"}
    ),
    "hash-sdf": Preset(
        "distance",
        HashSettings(),
        _BUILD + "hash_distance",
        {**_RELATIVE, "learning_rate": 1e-2},
    ),
    "siren-sdf": Preset(
        "distance",
        SirenSettings(),
        _BUILD + "siren_distance",
        {**_RELATIVE, **_SINES},
    ),
    "rbf-sdf": Preset(
        "distance",
        RbfSettings(),
        _BUILD + "rbf_distance",
        {**_RELATIVE, "learning_rate": 5e-3},
    ),
    "triplane-sdf": Preset(
        "distance",
        TriplaneSettings(),
        _BUILD + "triplane_distance",
        {**_RELATIVE, "learning_rate": 5e-3},
    ),
    "hash-video": Preset("video", HashSettings(), _BUILD + "hash_video", _HASH),
    "cam-video": Preset("video", CamSettings(), _BUILD + "cam_video", _NETWORK),
}
