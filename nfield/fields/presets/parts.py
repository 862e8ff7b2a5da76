"""Settings of parts that several presets have in common."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class HashGridSettings:
    """Of `nfield.encodings.hash_grid.HashGrid`."""

    levels: int = 16
    features: int = 2
    log2_table: int = 17
    base_resolution: int = 16
    finest_resolution: int = 1024


@dataclass(frozen=True)
class GrowingSettings:
    """Of a grid that grows from coarse to fine, see `nfield.fields.growth.Growth`."""

    resolution: int = 256
    coarse_resolution: int = 64
    growth_stages: int = 2
    growth_end: float = field(default=0.25, metadata={"most": 1})
