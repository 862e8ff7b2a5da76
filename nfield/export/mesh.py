"""Triangle meshes of fitted fields: extracted, cleaned, made coarser, coloured."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nfield.errors import InputError
from nfield.export.solid import Corner, Solid
from nfield.extras import require
from nfield.fields.build import available_memory
from nfield.render.isosurface import BLOCK, Grid, extract, slab_corners

_FACES = 1 << 19  # whose normals are found at once
Box = tuple[float, float, float, float, float, float]
# What marching cubes take: of a corner in a slab, and of a surface that crosses six cells for each
# of a face of the grid (a vertex and two triangles each, twice while slabs are joined).
_CORNER_BYTES, _CELL_BYTES, _CROSSED = 48, 96, 6


@dataclass(frozen=True)
class TriangleMesh:
    """Triangles in the input's frame, with what is seen on them.

    Shape
        vertices ``(V, 3)`` float32, faces ``(F, 3)`` int32 anticlockwise from outside; color
        ``(V, 3)`` uint8 sRGB of vertices, or None; uv ``(V, 2)`` in [0, 1] from the lower left of
        texture ``(S, S, 3)`` uint8 sRGB, both or neither None
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    color: NDArray[np.uint8] | None = None
    uv: NDArray[np.float32] | None = None
    texture: NDArray[np.uint8] | None = None

    @cached_property
    def normals(self) -> NDArray[np.float32]:
        """Unit normals of vertices ``(V, 3)``, outward: the mean over triangles by area."""
        count = len(self.vertices)
        total = np.zeros((count, 3))
        for begin in range(0, len(self.faces), _FACES):  # float64 of all would be gigabytes
            faces = self.faces[begin : begin + _FACES]
            a, b, c = (self.vertices[faces[:, i]].astype(np.float64) for i in range(3))
            cross = np.cross(b - a, c - a)
            for axis in range(3):
                total[:, axis] += np.bincount(
                    faces.ravel(), np.repeat(cross[:, axis], 3), minlength=count
                )
        length = np.linalg.norm(total, axis=1, keepdims=True)
        return (total / np.maximum(length, 1e-300)).astype(np.float32)


def grid_over(low: Corner, high: Corner, resolution: int) -> Grid:
    """Cubic cells over a box, `resolution` along its longest side, rounded up to blocks of 4^3."""
    sides = [b - a for a, b in zip(low, high)]
    cell = max(sides) / resolution
    x, y, z = (max(BLOCK, math.ceil(side / cell / BLOCK - 1e-6) * BLOCK) for side in sides)
    begin = [(a + b - n * cell) / 2 for a, b, n in zip(low, high, (x, y, z))]
    return Grid((begin[0], begin[1], begin[2]), cell, (x, y, z))


def box_of(solid: Solid, box: Box | None) -> tuple[Corner, Corner]:
    """The corners of a box, or of all of a solid.

    Raises:
        InputError: the box is empty or not finite.
    """
    if box is None:
        return solid.low, solid.high
    low, high = box[:3], box[3:]
    if not all(math.isfinite(a) and math.isfinite(b) and a < b for a, b in zip(low, high)):
        raise InputError(
            f"--box: must be x y z of the lowest and then of the highest corner, got {box}; "
            "correct it"
        )
    return low, high


def extract_mesh(solid: Solid, resolution: int, *, box: Box | None = None) -> TriangleMesh:
    """The surface of a solid, closed where it leaves the box.

    Args:
        resolution: Cells along the longest side of the box.

    Raises:
        InputError: there is no surface, it does not fit into memory, or the extra `mesh` is not
            installed.
    """
    if resolution < BLOCK:
        raise InputError(f"--resolution: must be at least {BLOCK}, got {resolution}; correct it")
    grid = grid_over(*box_of(solid, box), resolution)
    faces = sum(grid.cells[i] * grid.cells[(i + 1) % 3] for i in range(3)) / 3
    need = slab_corners(grid) * _CORNER_BYTES + int(faces) * _CROSSED * _CELL_BYTES
    require_memory(need, f"--resolution: a mesh of {resolution} cells a side")
    value, rough = solid.surface(grid.cell)
    found = extract(value, rough, grid, closed=True)
    if found is None:
        raise InputError(f"surface: {solid.refusal()}")
    return TriangleMesh(*found)


def require_memory(need: int, what: str) -> None:
    """Refuse what would not fit.

    Raises:
        InputError: more bytes are needed than are free.
    """
    if need > (free := available_memory()):
        raise InputError(
            f"{what} must fit into the {free:,} bytes of free memory, got about {need:,} bytes; "
            "choose a smaller one, or a smaller --box"
        )


def keep_components(mesh: TriangleMesh, share: float) -> TriangleMesh:
    """The connected parts that have at least a share of all faces, and always the largest.

    Raises:
        InputError: the share is not in [0, 1].
    """
    if not 0 <= share <= 1:
        raise InputError(f"--keep: share must be from 0 to 1, got {share}; correct it")
    sparse = require("scipy.sparse", "mesh", "finding the parts of a mesh")
    graph = require("scipy.sparse.csgraph", "mesh", "finding the parts of a mesh")
    a, b, c = mesh.faces.T
    ends = np.concatenate([a, b]), np.concatenate([b, c])
    count = len(mesh.vertices)
    edges = sparse.coo_matrix((np.ones(len(ends[0]), np.int8), ends), (count, count))
    _, part = graph.connected_components(edges, directed=False)
    sizes = np.bincount(part[a])
    wanted = sizes >= min(share * len(mesh.faces), sizes.max())
    faces = mesh.faces[wanted[part[a]]]
    used = np.zeros(count, bool)
    used[faces] = True
    index = (np.cumsum(used) - 1).astype(np.int32)
    color = None if mesh.color is None else mesh.color[used]
    return TriangleMesh(mesh.vertices[used], index[faces], color=color)


def decimate(mesh: TriangleMesh, faces: int) -> TriangleMesh:
    """At most about `faces` triangles, by quadric error metrics; the same mesh if it has no more.

    Source
        Garland, Heckbert 1997, Surface simplification using quadric error metrics; open3d's

    Raises:
        InputError: fewer than 4 faces are asked for, or the extra `mesh` is not installed.
    """
    if faces < 4:
        raise InputError(f"--faces: number must be at least 4, got {faces}; correct it")
    if len(mesh.faces) <= faces:
        return mesh
    open3d = require("open3d", "mesh", "making a mesh coarser")
    whole = open3d.geometry.TriangleMesh(
        open3d.utility.Vector3dVector(mesh.vertices.astype(np.float64)),
        open3d.utility.Vector3iVector(mesh.faces),
    )
    coarse = whole.simplify_quadric_decimation(faces)
    return TriangleMesh(
        np.asarray(coarse.vertices, np.float32), np.asarray(coarse.triangles, np.int32)
    )


def color_vertices(mesh: TriangleMesh, solid: Solid) -> TriangleMesh:
    """With the colours seen along inward normals, where the solid has any."""
    seen = seen_at(solid, mesh.vertices, mesh.normals)
    return replace(mesh, color=seen)


def seen_at(
    solid: Solid, x: NDArray[np.float32], normal: NDArray[np.float32]
) -> NDArray[np.uint8] | None:
    """sRGB ``(N, 3)`` uint8 at points of the surface, or None where the solid has no colours."""
    color: Any = solid.color(torch.from_numpy(x), torch.from_numpy(normal))
    return None if color is None else np.floor(color.numpy() * 255 + 0.5).astype(np.uint8)
