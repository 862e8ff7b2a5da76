"""Every preset of nfield's own, of a size for tests."""

from __future__ import annotations

from typing import Any

import torch

from nfield.config import Config, resolve
from nfield.fields.build import build
from nfield.fields.presets import PRESETS

HASH = ("model.log2_table=12", "model.levels=6", "model.finest_resolution=64")
NETWORK = ("model.width=32", "model.hidden=2")
BANDS = ("model.width=32", "model.bands=5")
FOURIER = (*NETWORK, "model.features=32", "model.sigma=3")
PLANES = ("model.resolution=33", "model.coarse_resolution=9")
SMALL = {
    "ngp": HASH,
    "nerf": (*BANDS, "model.hidden=3", "model.skip=2"),
    "cam": (*BANDS, "model.hidden=2", "model.grid_resolution=12"),
    "rbf": HASH,
    "triplane": PLANES,
    "lowrank": PLANES,
    "voxel": PLANES,
    "hash-image": HASH,
    "ffn": FOURIER,
    "siren": NETWORK,
    "finer": NETWORK,
    "cam-image": (*FOURIER, "model.grid_resolution=8"),
    "rbf-image": HASH,
    "hash-sdf": HASH,
    "siren-sdf": NETWORK,
    "rbf-sdf": HASH,
    "triplane-sdf": (*NETWORK, "model.resolution=17", "model.channels=8"),
    "hash-video": HASH,
    "cam-video": (*FOURIER, "model.grid_resolution=8"),
}
RADIANCE = [name for name in SMALL if PRESETS[name].kind == "radiance"]
VALUES = [name for name in SMALL if PRESETS[name].kind != "radiance"]
GROWING = [name for name, settings in SMALL.items() if settings is PLANES]
DATA = {"radiance": "builtin:matte", "image": "a.png", "distance": "a.obj", "video": "a.mp4"}
SIZES = {"image": (2, 3), "distance": (3, 1), "video": (3, 3)}  # coordinates, values


def small(name: str, *settings: str, **options: object) -> Config:
    """The preset's configuration."""
    data = DATA[PRESETS[name].kind]
    return resolve(data, {"field": name, **options}, [*SMALL[name], *settings])


def sizes(name: str) -> tuple[int, int]:
    """Coordinates of a point, and values there."""
    return SIZES[PRESETS[name].kind]


def field_of(name: str) -> Any:
    """The preset's field, always with the same random numbers."""
    torch.manual_seed(0)
    values = () if name in RADIANCE else (sizes(name)[1],)
    return build(small(name), *values)
