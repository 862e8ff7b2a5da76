"""Radiance fields by name."""

from __future__ import annotations

from dataclasses import dataclass, field

from nfield.fields.presets.preset import Preset


@dataclass(frozen=True)
class NgpSettings:
    """Hash grid, a density network and a colour network (arXiv:2201.05989)."""

    levels: int = 16
    features: int = 2
    log2_table: int = 17
    base_resolution: int = 16
    finest_resolution: int = 1024
    width: int = 64
    geometry_features: int = 15
    density_hidden: int = field(default=1, metadata={"least": 0})
    color_hidden: int = field(default=2, metadata={"least": 0})


PRESETS = {
    "ngp": Preset("radiance", NgpSettings(), "nfield.fields.radiance:ngp"),
}
