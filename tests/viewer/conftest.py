"""A small scene that was fitted for a moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from nfield.api import fit, open_run
from nfield.run import Run

SMALL = ("train.samples=4096", "train.rays=256", "model.log2_table=12", "occupancy.resolution=32")


@pytest.fixture(scope="session")
def folder(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run folder of a fit that tells the object from empty space."""
    out = tmp_path_factory.mktemp("viewer") / "run"
    fit(str(photos), out=out, max_steps=120, set=SMALL)
    return out


@pytest.fixture(scope="session")
def run(folder: Path) -> Run:
    """That run."""
    return open_run(folder)
