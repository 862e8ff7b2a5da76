"""Fields of values at points, by name: images, distances to shapes, videos."""

from __future__ import annotations

from dataclasses import dataclass, field

from nfield.fields.presets.preset import Preset


@dataclass(frozen=True)
class HashSettings:
    """Hash grid and perceptron (arXiv:2201.05989)."""

    levels: int = 16
    features: int = 2
    log2_table: int = 17
    base_resolution: int = 16
    finest_resolution: int = 512
    width: int = 64
    hidden: int = field(default=2, metadata={"least": 0})


_HASH = "nfield.fields.values:hash_"

PRESETS = {
    "hash-image": Preset(
        "image",
        HashSettings(),
        _HASH + "image",
        {"learning_rate": 1e-2, "final_learning_rate": 2e-4},
    ),
    "hash-sdf": Preset(
        "distance",
        HashSettings(),
        _HASH + "distance",
        {"loss": "relative", "learning_rate": 1e-2, "final_learning_rate": 1e-4},
    ),
    "hash-video": Preset(
        "video",
        HashSettings(),
        _HASH + "video",
        {"learning_rate": 1e-2, "final_learning_rate": 2e-4},
    ),
}
