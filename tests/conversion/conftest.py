"""A teacher that knows the ball of `photos` roughly, and settings small enough for tests."""

from __future__ import annotations

from pathlib import Path

import pytest

import nfield
from nfield.run import Run

COMMON = ("train.samples=1024", "train.rays=64")
TAUGHT = (*COMMON, "convert.samples=1024")
OCCUPANCY = ("occupancy.resolution=16", "occupancy.steps=64", "occupancy.warmup=32")
HASH = ("model.log2_table=10", "model.levels=4", "model.finest_resolution=32")
MODELS = {
    "ngp": (*HASH, "model.width=16"),
    "nerf": ("model.width=32", "model.bands=4", "model.hidden=3", "model.skip=2"),
    "cam": ("model.width=32", "model.bands=4", "model.grid_resolution=8"),
    "rbf": HASH,
    "triplane": ("model.resolution=32", "model.coarse_resolution=16", "model.channels=4"),
    "lowrank": ("model.resolution=32", "model.coarse_resolution=16"),
    "voxel": ("model.resolution=24", "model.coarse_resolution=12"),
}


@pytest.fixture(scope="session")
def teacher(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    settings = (*COMMON, *OCCUPANCY, *MODELS["ngp"], "train.decay_steps=80")
    out = tmp_path_factory.mktemp("teacher") / "run"
    return nfield.fit(photos, out=out, max_steps=80, set=settings)
