"""Evaluating and rendering shapes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nfield.data.surface import Surface
from nfield.errors import InputError
from nfield.evaluate.shape import evaluate_shape
from nfield.export.sequence import write_sequence
from nfield.fields.model import Image
from nfield.render.cameras import Cameras
from nfield.render.isosurface import RESOLUTION, isosurface
from nfield.render.turntable import turntable
from nfield.verbs.fitted import Fitted
from nfield.verbs.raster import checked_size

ORBIT_FRAMES, SIDE = 60, 512
_CLAY = (0.82, 0.78, 0.74)


def evaluate(run: Fitted) -> dict[str, Any]:
    """Judge the distances and their surface, see `nfield.evaluate.shape`."""
    return evaluate_shape(run.data, _distance(run), surface_of(run))


def surface_of(run: Fitted) -> Surface | None:
    """The surface of the field in the unit cube, or None where it has none."""
    level = 0.0 if run.data.signed else 1 / RESOLUTION
    found = isosurface(_distance(run), level=level)
    return None if found is None else Surface(*found)


def _distance(run: Fitted) -> Callable[[Tensor], Tensor]:
    return lambda x: run.model.values(x)[:, 0]


def render(
    run: Fitted,
    out: Path | None,
    *,
    frames: int = ORBIT_FRAMES,
    what: str = "rgb",
    size: tuple[int, int] = (SIDE, SIDE),
    watch: Callable[[int], None] = lambda total: None,
) -> Path:
    """Film the surface from all around, lit from the camera."""
    surface = surface_of(run)
    if surface is None:
        raise InputError(
            f"{run.config.data}: the field must have a surface to render, got none; "
            "fit it longer with --resume"
        )
    cameras = turntable(frames, checked_size(size))
    out = out or run.renders / f"orbit-{what}.mp4"
    write_sequence(
        out,
        frames,
        lambda index: _shaded(surface, cameras, index),
        what=what,
        watch=lambda: watch(frames),
    )
    return out


def _shaded(surface: Surface, cameras: Cameras, index: int) -> Image:
    """Clay under a light at the camera, on white."""
    width, height = (int(side) for side in cameras.size[index])
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixels = torch.stack([x, y], -1).view(-1, 2) + 0.5
    origins, directions = cameras.rays(torch.full((len(pixels),), index), pixels)
    depth, normal = surface.cast(origins.numpy(), directions.numpy())
    hit = np.isfinite(depth)
    cosine = np.abs((normal * directions.numpy()).sum(1))
    light = (0.25 + 0.75 * cosine)[:, None] * np.array(_CLAY, np.float32)
    color = np.where(hit[:, None], light, 1).astype(np.float32)
    return Image(
        torch.from_numpy(color).view(height, width, 3),
        torch.from_numpy(hit.astype(np.float32)).view(height, width),
        torch.from_numpy(depth).view(height, width),
        torch.from_numpy(np.where(hit[:, None], normal, 0)).view(height, width, 3),
    )
