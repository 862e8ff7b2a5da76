"""The hash grid of a preset's settings."""

from __future__ import annotations

from nfield.encodings.hash_grid import HashGrid
from nfield.fields.presets.parts import HashGridSettings


def hash_grid(settings: HashGridSettings, in_dim: int) -> HashGrid:
    """The grid over points of so many coordinates."""
    return HashGrid(
        in_dim,
        levels=settings.levels,
        features=settings.features,
        log2_table=settings.log2_table,
        base_resolution=settings.base_resolution,
        finest_resolution=settings.finest_resolution,
    )
