"""A preset: a field by name, with its default settings."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["radiance", "image", "distance", "video"]


@dataclass(frozen=True)
class Preset:
    """What a name stands for.

    Args:
        kind: What the field is fitted to; names its contract.
        settings: Default settings, a frozen dataclass of numbers, texts and switches: the keys
            `model.*` of the configuration.
        build: Where it is built, as `module:function`, so that listing presets imports neither
            fields nor torch. The function takes the settings and, for all but radiance, the
            number of values at a point.
        train: Values of `nfield.config.Train` that differ for this field, by key.
        convert: Those of `nfield.config.Convert`, where another field teaches this one.
    """

    kind: Kind
    settings: Any
    build: str
    train: Mapping[str, Any] = field(default_factory=dict)
    convert: Mapping[str, Any] = field(default_factory=dict)

    def make(self, settings: Any, *values: int) -> Any:
        """The field of these settings; imports the module that builds it."""
        module, function = self.build.split(":")
        return getattr(importlib.import_module(module), function)(settings, *values)
