"""A scene's field as one HTML file that renders it in any browser, offline."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nfield.config import Config
from nfield.data.scene import Scene
from nfield.errors import InputError
from nfield.export.baked import baked_model
from nfield.export.baking import bake, random_rays, seen_points
from nfield.export.lattice import Lattice
from nfield.export.mesh import require_memory
from nfield.export.page import page
from nfield.export.payload import pack, unpack
from nfield.fields.model import Color, Model
from nfield.files import replacing, require_suffix
from nfield.render.cameras import Cameras
from nfield.render.focus import find_focus

RESOLUTION = 256
MOST_BLOCKS = 5000  # of which a page of about 20 MB is made
_LEAST, _MOST = 8, 1024
_JUDGED = 1 << 15  # rays
# Of every point of the lattice while it is baked: its place, and whether it is seen.
_POINT_BYTES = 16


def write_web(
    out: Path,
    config: Config,
    model: Model,
    scene: Scene,
    *,
    background: Color,
    resolution: int | None = None,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Bake a field as its training cameras see it, and write the page, whole or not at all.

    Args:
        background: sRGB in [0, 1], at first.
        resolution: Voxels along the longest side of the occupied part of space; 256 by default, or
            as many as about 20 MB hold.

    Returns:
        ``blocks`` of 8^3 voxels, their ``voxels``, and ``psnr_to_field`` of random pixels of the
        training cameras, as the page shows them, beside the field itself.

    Raises:
        InputError: an unbounded scene, nothing to be seen, a resolution out of range or beyond
            memory, another suffix than .html, or a place that cannot be written to.
    """
    require_suffix(out, "a page", ".html")
    if model.bounds.unbounded:
        raise InputError(
            "web: the scene must be bounded, for a page holds one box of voxels, got an unbounded "
            "one; write a mesh of its middle instead: --what mesh"
        )
    cameras = scene.splits["train"].cameras
    lattice, points = _chosen(model, cameras, resolution)
    description, packed = pack(bake(config, model, cameras, lattice, points, watch))
    student = baked_model(config, model.bounds, unpack(description, packed))
    about = {
        "name": f"{scene.name} by {config.field}",
        "center": list(model.bounds.center),
        "half_size": model.bounds.half_size,
        "step": model.occupancy.march_settings.step / model.bounds.half_size,
        "background": list(background),
        "home": home_of(cameras),
    }
    text = page({**description, **about}, base64.b64encode(packed).decode())
    with replacing(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    count = description["count"]
    return {
        "blocks": count,
        "voxels": count * 512,
        "psnr_to_field": _likeness(model, student, cameras),
    }


def _chosen(model: Model, cameras: Cameras, resolution: int | None) -> tuple[Lattice, torch.Tensor]:
    lattice = _lattice(model, RESOLUTION if resolution is None else resolution)
    points = seen_points(model, cameras, lattice)
    blocks = len(lattice.blocks_around(points).unique())
    if resolution is None and blocks > MOST_BLOCKS:  # they are those of a surface
        lattice = _lattice(model, int(RESOLUTION * math.sqrt(MOST_BLOCKS / blocks)))
        points = seen_points(model, cameras, lattice)
    return lattice, points


def _lattice(model: Model, resolution: int) -> Lattice:
    if not _LEAST <= resolution <= _MOST:
        raise InputError(
            f"--resolution: voxels of a page must be from {_LEAST} to {_MOST}, got {resolution}; "
            "correct it"
        )
    cells = model.occupancy.grid()[0]
    if not cells.any():
        raise InputError("web: the field must hold something, got empty space; fit it longer")
    lattice = Lattice.around(cells, resolution)
    need = math.prod(lattice.shape) * _POINT_BYTES
    require_memory(need, f"--resolution: {resolution} voxels a side")
    return lattice


def home_of(cameras: Cameras) -> dict[str, Any]:
    """Where the page begins: the first camera, turning about what all look at."""
    pose = cameras.camera_to_world.double().numpy()
    position, forward = pose[0, :, 3], pose[0, :, 2]
    focus = find_focus(cameras)
    up = -pose[:, :, 1].mean(0)
    if np.linalg.norm(up) < 1e-3:
        up = -pose[0, :, 1]
    width, height = cameras.size[0].tolist()
    fx, fy = cameras.intrinsics[0, :2].tolist()
    return {
        "position": position.tolist(),
        "forward": forward.tolist(),
        "focus": (position + forward if focus is None else focus).tolist(),
        "up": up.tolist(),
        "slope": min(width / fx, height / fy) / 2,
    }


def _likeness(model: Model, student: Model, cameras: Cameras) -> float:
    origins, directions = random_rays(cameras, _JUDGED, torch.Generator().manual_seed(1))
    white = torch.ones(3)
    pictures = [
        torch.cat([each.render_rays(*part).over(white) for part in _parts(origins, directions)])
        for each in (model, student)
    ]
    error = (pictures[0].clamp(0, 1) - pictures[1].clamp(0, 1)).double().square().mean()
    return float(-10 * error.clamp(min=1e-10).log10())


def _parts(origins: torch.Tensor, directions: torch.Tensor) -> Any:
    return zip(origins.split(1 << 13), directions.split(1 << 13))
