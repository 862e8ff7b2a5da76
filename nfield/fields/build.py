"""Building the field of a configuration, refused before it is allocated where it cannot fit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nfield.config import Config
from nfield.errors import InputError
from nfield.fields.presets import preset
from nfield.ops.check import TRAINING_COPIES


def build(config: Config, *values: int) -> Any:
    """The field of `config.field` with the settings `config.model`.

    Args:
        values: How many a point has; for all kinds but radiance.

    Raises:
        InputError: sizes that the field does not take, or that do not fit into memory once it has
            grown.
    """
    chosen = preset(config.field)
    try:
        with torch.device("meta"):  # shapes alone
            sketch = chosen.make(config.model, *values)
            sketch.grow(1.0)
        _require_memory(sketch)
        return chosen.make(config.model, *values)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"--set model: {error}; choose another value") from error


def _require_memory(sketch: nn.Module) -> None:
    own = sum(parameter.nbytes for parameter in sketch.parameters())
    taken, free = TRAINING_COPIES * own, available_memory()
    if taken > free:
        raise InputError(
            f"--set model: training must fit into the {free:,} bytes of free memory, got "
            f"{taken:,} bytes ({own:,} of parameters); choose a smaller field"
        )


def available_memory() -> int:
    """Bytes that a process can still allocate; all of the memory where the system does not say."""
    meminfo = Path("/proc/meminfo")
    lines = meminfo.read_text().splitlines() if meminfo.exists() else []
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
