"""Triangle surfaces: read by trimesh, and asked for distances and rays through open3d."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nfield.errors import InputError
from nfield.extras import require

Floats = NDArray[np.float32]


class Surface:
    """Triangles in space, and what can be asked of them.

    Shape
        vertices ``(V, 3)`` float32, faces ``(F, 3)`` uint32
    """

    def __init__(self, vertices: NDArray[Any], faces: NDArray[Any]):
        self.vertices = np.ascontiguousarray(vertices, np.float32)
        self.faces = np.ascontiguousarray(faces, np.uint32)

    def distance(self, x: Floats) -> Floats:
        """Distances ``(N,)`` of points ``(N, 3)`` to the nearest triangle."""
        return self._ask(self._scene.compute_distance, x)

    def inside(self, x: Floats) -> NDArray[np.bool_]:
        """Whether each point ``(N, 3)`` is inside: most of three rays cross an odd number of times.

        A single ray can be misled by an edge that it grazes.
        """
        return self._ask(lambda points: self._scene.compute_occupancy(points, nsamples=3), x) > 0.5

    def nearest(self, x: Floats) -> tuple[Floats, Floats]:
        """Distance ``(N,)`` from points ``(N, 3)`` to the nearest triangle, and its unit normal."""
        order = cell_order(x)
        asked = np.ascontiguousarray(x[order], np.float32)
        found = self._scene.compute_closest_points(_open3d().core.Tensor(asked))
        distance, normal = np.empty(len(x), np.float32), np.empty_like(x)
        distance[order] = np.linalg.norm(found["points"].numpy() - asked, axis=1)
        normal[order] = found["primitive_normals"].numpy()
        return distance, normal

    def cast(self, origins: Floats, directions: Floats) -> tuple[Floats, Floats]:
        """First hits of rays ``(R, 3)``: distance ``(R,)``, inf on a miss, and normal ``(R, 3)``.

        Units
            lengths of the directions
        """
        rays = np.concatenate([origins, directions], 1).astype(np.float32)
        hits = self._scene.cast_rays(_open3d().core.Tensor(rays))
        return hits["t_hit"].numpy(), hits["primitive_normals"].numpy()

    def sample(self, count: int, seed: int) -> tuple[Floats, Floats]:
        """Points spread evenly over the area, and the unit normals there: two ``(count, 3)``."""
        triangles = self.vertices[self.faces].astype(np.float64)
        cross = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        area = np.linalg.norm(cross, axis=1)
        rng = np.random.default_rng(seed)
        share = np.cumsum(area)
        face = np.searchsorted(share, rng.random(count) * share[-1], side="right")
        face = np.minimum(face, len(self.faces) - 1)
        u, v = rng.random((2, count))
        outside = u + v > 1
        u[outside], v[outside] = 1 - u[outside], 1 - v[outside]
        corners = triangles[face]
        edges = corners[:, 1:] - corners[:, :1]
        points = corners[:, 0] + u[:, None] * edges[:, 0] + v[:, None] * edges[:, 1]
        normals = cross[face] / np.maximum(area[face, None], 1e-300)
        return points.astype(np.float32), normals.astype(np.float32)

    @cached_property
    def _scene(self) -> Any:
        open3d = _open3d()
        scene = open3d.t.geometry.RaycastingScene()
        scene.add_triangles(open3d.core.Tensor(self.vertices), open3d.core.Tensor(self.faces))
        return scene

    def _ask(self, question: Any, x: Floats) -> Any:
        # Neighbouring points visit the same triangles: asked in the order of a coarse grid, cell
        # by cell, they find them in the cache.
        order = cell_order(x)
        answers = question(_open3d().core.Tensor(np.ascontiguousarray(x[order], np.float32)))
        result = np.empty(len(x), np.float32)
        result[order] = answers.numpy()
        return result


def read_surface(file: Path) -> tuple[Surface, bool]:
    """The triangles of a mesh file, and whether they are watertight.

    Equal vertices are joined first: files repeat them where normals or textures have seams.

    Raises:
        InputError: the file is missing or unreadable, or has no triangle, or a coordinate that is
            not finite; trimesh is not installed.
    """
    if not file.is_file():
        raise InputError(f"{file}: mesh must be a file, got none; check the path")
    trimesh = require("trimesh", "mesh", f"{file}: reading a mesh")
    try:
        loaded = trimesh.load_mesh(str(file), process=False, skip_materials=True)
        vertices, faces = np.asarray(loaded.vertices), np.asarray(loaded.faces)
    except MemoryError:
        raise
    except Exception as error:  # each of trimesh's readers fails in its own way
        raise InputError(
            f"{file}: mesh must be a readable file, got {type(error).__name__}: {error}; "
            "export it again"
        ) from error
    if not len(faces):
        raise InputError(f"{file}: mesh must have triangles, got none; points alone have no inside")
    if not np.isfinite(vertices).all():
        bad = int(np.count_nonzero(~np.isfinite(vertices).all(1)))
        raise InputError(
            f"{file}: vertices must be finite, got {bad} with NaN or infinity; repair the mesh"
        )
    joined = trimesh.Trimesh(vertices, faces, process=True)
    watertight = bool(joined.is_watertight)
    # Triangles without area have no normal, and add nothing to the surface.
    joined.update_faces(joined.area_faces > 0)
    return Surface(joined.vertices, joined.faces), watertight


def cell_order(x: Floats) -> NDArray[np.int64]:
    """Order of points by the cells of a 64^3 grid over them, along a Morton curve."""
    low = x.min(0, initial=np.inf)
    span = np.maximum(x.max(0, initial=-np.inf) - low, 1e-30)
    cell = np.minimum((x - low) / span * 64, 63).astype(np.uint32)
    code = np.zeros(len(x), np.uint32)
    for bit in range(6):
        for axis in range(3):
            code |= (cell[:, axis] >> bit & 1) << (3 * bit + axis)
    return np.argsort(code, kind="stable")


def _open3d() -> Any:
    return require("open3d", "mesh", "asking a shape for distances")
