"""Mesh files: OBJ, PLY and GLB, written by trimesh.

OBJ and PLY keep the input's axes. GLB has y up by its specification: scenes, which have z up as
NeRF's data sets do, are turned, (x, y, z) -> (x, z, -y), and programs with z up turn them back;
shapes keep the axes of the file that they were fitted to.

Colours hold the light of the scene already, so a GLB's material is unlit. Its vertex colours are
linear, as the specification wants them, in 16 bits; all other colours are sRGB.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nfield.export.mesh import TriangleMesh
from nfield.extras import require
from nfield.files import replacing, require_suffix

SUFFIXES = (".glb", ".obj", ".ply")
_UNSIGNED_SHORT = 5123  # of glTF's component types
_UNLIT = "KHR_materials_unlit"


def require_format(path: Path, *, textured: bool) -> None:
    """Refuse names that tell no format, or one that cannot hold a texture.

    Raises:
        InputError: as said.
    """
    if textured:
        require_suffix(path, "a mesh with a texture", *SUFFIXES[:2])
    require_suffix(path, "a mesh", *SUFFIXES)


def write_mesh(path: Path, mesh: TriangleMesh, *, z_up: bool) -> None:
    """Write a mesh, whole or not at all, in the format of the name's suffix.

    An OBJ's texture is written first, as NAME.png and NAME.mtl beside it.

    Args:
        z_up: Whether a GLB is turned, see the module.

    Raises:
        InputError: another suffix, a place that cannot be written to, or the extra `mesh` is not
            installed.
    """
    require_format(path, textured=mesh.texture is not None)
    trimesh = require("trimesh", "mesh", f"{path}: writing a mesh")
    suffix = path.suffix.lower()
    if suffix == ".glb":
        turned = _y_up(mesh.vertices), _y_up(mesh.normals)
        vertices, normals = turned if z_up else (mesh.vertices, mesh.normals)
        files = {path.name: _glb(trimesh, _model(trimesh, mesh, vertices, normals), mesh)}
    elif suffix == ".ply":
        model = _model(trimesh, mesh, mesh.vertices, mesh.normals)
        files = {path.name: trimesh.exchange.ply.export_ply(model, vertex_normal=True)}
    else:
        model = _model(trimesh, mesh, mesh.vertices, mesh.normals)
        files = _obj(trimesh, model, path)
    for name, data in files.items():
        with replacing(path.with_name(name)) as temporary:
            temporary.write_bytes(data)


def _y_up(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    x, y, z = vectors.T
    return np.stack([x, z, -y], 1)


def _model(
    trimesh: Any, mesh: TriangleMesh, vertices: NDArray[np.float32], normals: NDArray[np.float32]
) -> Any:
    visual = None
    if mesh.texture is not None:
        material = trimesh.visual.material.PBRMaterial(
            name="field",
            baseColorTexture=Image.fromarray(mesh.texture),
            baseColorFactor=(255, 255, 255, 255),
            metallicFactor=0.0,
            roughnessFactor=1.0,
        )
        visual = trimesh.visual.TextureVisuals(uv=mesh.uv, material=material)
    return trimesh.Trimesh(
        vertices,
        mesh.faces,
        vertex_normals=normals,
        vertex_colors=mesh.color,
        visual=visual,
        process=False,
    )


def _glb(trimesh: Any, model: Any, mesh: TriangleMesh) -> bytes:
    def finish(buffers: dict[Any, bytes], tree: dict[str, Any]) -> None:
        primitive = tree["meshes"][0]["primitives"][0]
        if mesh.color is not None:
            accessor = list(tree["accessors"].values())[primitive["attributes"]["COLOR_0"]]
            accessor["componentType"] = _UNSIGNED_SHORT
            buffers[list(buffers)[accessor["bufferView"]]] = _linear(mesh.color).tobytes()
        if "material" not in primitive:
            primitive["material"] = len(tree["materials"])
            tree["materials"].append({"pbrMetallicRoughness": {"metallicFactor": 0.0}})
        if mesh.color is not None or mesh.texture is not None:
            tree["materials"][0]["extensions"] = {_UNLIT: {}}
            tree["extensionsUsed"] = [_UNLIT]

    data: bytes = trimesh.exchange.gltf.export_glb(
        trimesh.Scene(model), include_normals=True, buffer_postprocessor=finish
    )
    return data


def _linear(color: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Linear RGBA ``(V, 4)`` of sRGB; IEC 61966-2-1."""
    value = np.arange(256) / 255
    table = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    opaque = np.full((len(color), 1), 65535)
    return np.concatenate([np.rint(table * 65535)[color], opaque], 1).astype(np.uint16)


def _obj(trimesh: Any, model: Any, path: Path) -> dict[str, bytes]:
    """OBJ and what it refers to, which comes first."""
    stem = path.stem
    text, beside = trimesh.exchange.obj.export_obj(
        model, include_normals=True, return_texture=True, mtl_name=f"{stem}.mtl", header=None
    )
    # trimesh names the picture after the material.
    names = {name: f"{stem}{Path(name).suffix}" for name in beside}
    files: dict[str, bytes] = {}
    for name, data in sorted(beside.items(), reverse=True):
        raw = data.encode() if isinstance(data, str) else data
        for old, new in names.items():
            raw = raw.replace(old.encode(), new.encode()) if name.endswith(".mtl") else raw
        files[names[name]] = raw
    return {**files, path.name: text.encode()}
