"""Point clouds of fitted fields: surfaces as the photos see them, with normals and colours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nfield.data.surface import Surface
from nfield.errors import InputError
from nfield.export.mesh import TriangleMesh, require_memory
from nfield.extras import require
from nfield.fields.model import Model
from nfield.files import replacing, require_suffix
from nfield.render.cameras import Cameras

COUNT = 200_000
MOST = 50_000_000
NEIGHBOURS = 16  # whose plane gives a point its normal
_RAYS = 1 << 14
_POINT_BYTES = 250  # of a point on its way to a normal
_MOST_RAYS = 64  # for each point that is wanted
# Farther from its neighbours than the mean by so many deviations, a point hangs in the air.
_STRAY = 3.0
_CLAY = (209, 199, 189)


@dataclass(frozen=True)
class Points:
    """Points of a surface in the input's frame.

    Shape
        position, normal ``(N, 3)`` float32, unit outward; color ``(N, 3)`` uint8 sRGB
    """

    position: NDArray[np.float32]
    normal: NDArray[np.float32]
    color: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.position)


def require_count(count: int) -> None:
    """Refuse numbers of points out of range. Raises InputError."""
    if not NEIGHBOURS <= count <= MOST:
        raise InputError(
            f"--count: number must be from {NEIGHBOURS} to {MOST:,}, got {count}; correct it"
        )


@torch.no_grad()
def seen_points(model: Model, cameras: Cameras, count: int, *, seed: int = 0) -> Points:
    """At most `count` points where rays of random pixels end: what the photos show, hidden
    surfaces left out, and no threshold.

    Normals are of the plane through the nearest 16 points, towards the camera that saw the point;
    points far from their neighbours, as edges leave them in the air, are dropped.

    Raises:
        InputError: nothing is seen, or the extra `mesh` is not installed.
    """
    require_count(count)
    require_memory(_POINT_BYTES * count, f"--count: {count:,} points")
    generator = torch.Generator().manual_seed(seed)
    found: list[tuple[NDArray[Any], ...]] = []
    total = 0
    for _ in range(max(1, _MOST_RAYS * count // _RAYS)):
        part = _seen(model, cameras, generator)
        found.append(part)
        total += len(part[0])
        if total >= count:
            break
    if total < NEIGHBOURS:
        raise InputError(
            f"points: the cameras must see at least {NEIGHBOURS} points, got {total}; "
            "fit the scene longer"
        )
    position, direction, color = (np.concatenate(column)[:count] for column in zip(*found))
    open3d = require("open3d", "mesh", "finding normals of points")
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(position.astype(float)))
    _, kept = cloud.remove_statistical_outlier(NEIGHBOURS, _STRAY)
    cloud.estimate_normals(open3d.geometry.KDTreeSearchParamKNN(NEIGHBOURS))
    normal = np.asarray(cloud.normals, np.float32)
    normal *= np.where((normal * direction).sum(1, keepdims=True) > 0, -1, 1)
    return Points(position[kept], normal[kept].astype(np.float32), color[kept])


def _seen(
    model: Model, cameras: Cameras, generator: torch.Generator
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Position, direction of view and colour of random pixels that show something."""
    index = torch.randint(len(cameras), (_RAYS,), generator=generator)
    pixels = torch.rand(_RAYS, 2, generator=generator) * cameras.size[index]
    origins, directions = cameras.rays(index, pixels)
    rendered = model.render_rays(origins, directions)
    hit = (rendered.opacity > 0.5).nonzero().squeeze(1)
    opacity = rendered.opacity[hit, None]
    place = origins[hit] + rendered.depth[hit, None] / opacity * directions[hit]
    color = (rendered.color[hit] / opacity).clamp(0, 1)
    return place.numpy(), directions[hit].numpy(), np.uint8(np.floor(color.numpy() * 255 + 0.5))


def surface_points(mesh: TriangleMesh, count: int, *, seed: int = 0) -> Points:
    """`count` points spread evenly over a mesh, in the colour of clay."""
    require_count(count)
    position, normal = Surface(mesh.vertices, mesh.faces).sample(count, seed)
    return Points(position, normal, np.tile(np.array(_CLAY, np.uint8), (count, 1)))


def write_points(path: Path, points: Points) -> None:
    """Write points as binary PLY: x y z nx ny nz float, red green blue uchar.

    Raises:
        InputError: the name does not end in .ply, the place cannot be written to, or the extra
            `mesh` is not installed.
    """
    columns: dict[str, NDArray[Any]] = {}
    columns |= {name: points.position[:, i] for i, name in enumerate("xyz")}
    columns |= {f"n{name}": points.normal[:, i] for i, name in enumerate("xyz")}
    columns |= {name: points.color[:, i] for i, name in enumerate(("red", "green", "blue"))}
    write_ply(path, columns)


def write_ply(path: Path, columns: dict[str, NDArray[Any]]) -> None:
    """Write vertices with named properties as binary PLY, whole or not at all.

    Shape
        each column ``(N,)``
    Raises
        InputError: see `write_points`.
    """
    require_suffix(path, "points", ".ply")
    plyfile = require("plyfile", "mesh", f"{path}: writing points")
    kinds = [(name, column.dtype) for name, column in columns.items()]
    table = np.empty(len(next(iter(columns.values()))), kinds)
    for name, column in columns.items():
        table[name] = column
    element = plyfile.PlyElement.describe(table, "vertex")
    with replacing(path) as temporary:
        plyfile.PlyData([element], byte_order="<").write(str(temporary))
