"""Textures: a mesh unwrapped by xatlas, and its picture baked from the field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nfield.errors import InputError
from nfield.export.mesh import TriangleMesh, require_memory, seen_at
from nfield.export.solid import Solid
from nfield.extras import require

FACES = 50_000  # of a mesh to be unwrapped, unless told otherwise: charts take minutes beyond
SIZES = (64, 8192)  # least and most side of a texture, pixels
_TEXEL_BYTES = 200  # of a texel while it is baked: ray, hit, three corners, colour
_GUTTER = 2  # between charts


def bake(mesh: TriangleMesh, solid: Solid, size: int) -> TriangleMesh:
    """The mesh with a square texture of what is seen along its inward normals.

    Texels between charts take the colour of the nearest chart, so that filtering finds no seam.

    Raises:
        InputError: a size beyond 64 to 8192 pixels, a solid without colours, or the extra `mesh`
            is not installed.
    """
    if not SIZES[0] <= size <= SIZES[1]:
        raise InputError(
            f"--texture: side must be from {SIZES[0]} to {SIZES[1]} pixels, got {size}; correct it"
        )
    require_memory(_TEXEL_BYTES * size * size, f"--texture: a texture of {size} pixels a side")
    flat = unwrap(mesh)
    texel, face, weight = _texels(flat, size)
    corners = flat.faces[face]
    normal = _mixed(flat.normals[corners], weight)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    seen = seen_at(solid, _mixed(flat.vertices[corners], weight), normal)
    if seen is None:
        raise InputError("--texture: a shape has no colours to bake; remove it")
    picture = np.zeros((size * size, 3), np.uint8)
    picture[texel] = seen
    return _smooth(
        replace(flat, texture=_filled(picture.reshape(size, size, 3), texel)), flat.normals
    )


def unwrap(mesh: TriangleMesh) -> TriangleMesh:
    """The mesh cut into flat charts, laid out in the unit square; vertices repeat along cuts.

    Source
        xatlas, https://github.com/jpcy/xatlas
    """
    xatlas = require("xatlas", "mesh", "unwrapping a mesh")
    atlas = xatlas.Atlas()
    atlas.add_mesh(mesh.vertices, mesh.faces.astype(np.uint32), mesh.normals)
    options = xatlas.PackOptions()
    options.padding = _GUTTER  # in 1024ths, about, of the square
    atlas.generate(pack_options=options)
    origin, faces, uv = atlas[0]
    flat = TriangleMesh(mesh.vertices[origin], faces.astype(np.int32), uv=uv.astype(np.float32))
    return _smooth(flat, mesh.normals[origin])


def _smooth(mesh: TriangleMesh, normals: NDArray[np.float32]) -> TriangleMesh:
    """With normals of the surface as it was before it was cut: cuts would show."""
    mesh.__dict__["normals"] = normals
    return mesh


def _texels(
    mesh: TriangleMesh, size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Texels ``(T,)`` with their middle in a chart, the face there, and weights of its corners.

    Rays down on the charts find them.
    """
    open3d = require("open3d", "mesh", "baking a texture")
    assert mesh.uv is not None  # it is unwrapped
    scene = open3d.t.geometry.RaycastingScene()
    plane = np.concatenate([mesh.uv, np.zeros((len(mesh.uv), 1), np.float32)], 1)
    scene.add_triangles(open3d.core.Tensor(plane), open3d.core.Tensor(mesh.faces.astype(np.uint32)))
    middle = (np.arange(size, dtype=np.float32) + 0.5) / size
    u, v = np.meshgrid(middle, 1 - middle)  # rows run downwards
    rays = np.zeros((size * size, 6), np.float32)
    rays[:, 0], rays[:, 1], rays[:, 2], rays[:, 5] = u.ravel(), v.ravel(), 1, -1
    hits: Any = scene.cast_rays(open3d.core.Tensor(rays))
    texel = np.isfinite(hits["t_hit"].numpy()).nonzero()[0]
    if not len(texel):
        raise InputError(f"--texture: {size} pixels must show some chart, got none; give more")
    second = hits["primitive_uvs"].numpy()[texel]
    weight = np.concatenate([1 - second.sum(1, keepdims=True), second], 1)
    return texel, hits["primitive_ids"].numpy()[texel].astype(np.int64), weight


def _mixed(corners: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values ``(T, 3)`` of corners ``(T, 3, 3)`` by their weights."""
    return np.ascontiguousarray((corners * weight[:, :, None]).sum(1), np.float32)


def _filled(picture: NDArray[np.uint8], texel: NDArray[np.int64]) -> NDArray[np.uint8]:
    image = require("scipy.ndimage", "mesh", "baking a texture")
    empty = np.ones(picture.shape[:2], bool)
    empty.reshape(-1)[texel] = False
    nearest = image.distance_transform_edt(empty, return_distances=False, return_indices=True)
    return np.ascontiguousarray(picture[nearest[0], nearest[1]])
