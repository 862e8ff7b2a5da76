"""Mesh files, read again by trimesh and open3d: bounds, axes, colours, textures."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nfield.errors import InputError
from nfield.export.mesh import TriangleMesh, color_vertices, extract_mesh
from nfield.export.mesh_file import write_mesh
from nfield.export.solid import RadianceSolid
from nfield.export.texture import bake
from nfield.extras import require
from tests.export.analytic import BALL, RADIUS, ball_model
from tests.targets import needs

needs("skimage", "trimesh", "open3d", "xatlas")
import trimesh  # noqa: E402 - an extra

LOW, HIGH = BALL - RADIUS, BALL + RADIUS


@pytest.fixture(scope="module")
def ball() -> tuple[TriangleMesh, RadianceSolid]:
    solid = RadianceSolid(ball_model(by_direction=True))
    return color_vertices(extract_mesh(solid, 16), solid), solid


def bounds(path: Path) -> np.ndarray:
    found = trimesh.load(path, process=False).bounds
    # A ball in 16 cells of 1/4: flattened by up to a hundredth.
    return np.asarray(found)


@pytest.mark.parametrize("suffix", [".ply", ".obj"])
def test_ply_and_obj_keep_the_axes_and_the_colours(suffix: str, ball, tmp_path: Path) -> None:
    mesh, path = ball[0], tmp_path / f"ball{suffix}"
    write_mesh(path, mesh, z_up=True)
    assert bounds(path) == pytest.approx(np.stack([LOW, HIGH]), abs=0.02)
    read = trimesh.load(path, process=False)
    assert np.array_equal(read.visual.vertex_colors[:, :3], mesh.color)
    other = require("open3d", "mesh", "a test").io.read_triangle_mesh(str(path))
    assert np.asarray(other.get_min_bound()) == pytest.approx(mesh.vertices.min(0), abs=1e-5)
    assert np.asarray(other.get_max_bound()) == pytest.approx(mesh.vertices.max(0), abs=1e-5)
    assert len(other.triangles) == len(mesh.faces)
    # open3d gives vertices of an OBJ another order: normals against places on the ball.
    outward = (np.asarray(other.vertices) - BALL) / RADIUS
    assert ((np.asarray(other.vertex_normals) * outward).sum(1) > 0.9).all()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_scene_s_glb_is_turned_to_y_up(ball, tmp_path: Path) -> None:
    mesh, path = ball[0], tmp_path / "ball.glb"
    write_mesh(path, mesh, z_up=True)
    (x, y, z), (u, v, w) = LOW, HIGH
    assert bounds(path) == pytest.approx(np.array([[x, z, -v], [u, w, -y]]), abs=0.02)
    other = require("open3d", "mesh", "a test").io.read_triangle_mesh(str(path))
    assert np.asarray(other.get_min_bound()) == pytest.approx([x, z, -v], abs=0.02)
    write_mesh(path, mesh, z_up=False)
    assert bounds(path) == pytest.approx(np.stack([LOW, HIGH]), abs=0.02)


def test_a_glb_has_linear_colours_and_no_light(ball, tmp_path: Path) -> None:
    mesh, path = ball[0], tmp_path / "ball.glb"
    write_mesh(path, replace(mesh, color=np.full_like(mesh.vertices, 188, np.uint8)), z_up=True)
    data = path.read_bytes()
    tree = json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])
    (primitive,) = tree["meshes"][0]["primitives"]
    assert tree["accessors"][primitive["attributes"]["COLOR_0"]]["componentType"] == 5123
    assert "KHR_materials_unlit" in tree["materials"][primitive["material"]]["extensions"]
    (read,) = trimesh.load(path, process=False).geometry.values()
    # sRGB 188 is 0.5029 of full light.
    color = np.asarray(read.visual.vertex_attributes["color"])[:, :3]
    assert color / np.iinfo(color.dtype).max == pytest.approx(0.5029, abs=0.003)


@pytest.mark.parametrize("suffix", [".obj", ".glb"])
def test_textures_show_what_was_seen(suffix: str, ball, tmp_path: Path) -> None:
    mesh, solid = ball
    path = tmp_path / f"ball{suffix}"
    textured = bake(mesh, solid, 256)
    write_mesh(path, textured, z_up=False)
    read = trimesh.load(path, process=False)
    read = next(iter(read.geometry.values())) if isinstance(read, trimesh.Scene) else read
    assert bounds(path) == pytest.approx(np.stack([LOW, HIGH]), abs=0.02)
    material = read.visual.material
    picture = material.baseColorTexture if suffix == ".glb" else material.image
    assert picture.size == (256, 256)
    # At the middles of triangles, well inside charts: the mean of the corners' directions.
    corners = np.asarray(read.faces)
    uv = np.asarray(read.visual.uv)[corners].mean(1)
    column, row = np.floor(uv[:, 0] * 256), np.floor((1 - uv[:, 1]) * 256)
    seen = np.asarray(picture.convert("RGB"))[row.astype(int), column.astype(int)] / 255
    outward = np.asarray(read.triangles_center) - BALL
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    # A texel is a few hundredths of a radian wide, and a facet's middle off by as much.
    assert np.quantile(np.abs(seen - (1 + outward) / 2), 0.99) < 0.05
    names = {".obj": {"ball.obj", "ball.mtl", "ball.png"}, ".glb": {"ball.glb"}}
    assert {p.name for p in tmp_path.iterdir()} == names[suffix]


def test_other_names_and_sizes_are_refused(ball, tmp_path: Path) -> None:
    mesh, solid = ball
    with pytest.raises(InputError, match=r"a mesh must end in \.glb, \.obj, \.ply, got \.stl"):
        write_mesh(tmp_path / "ball.stl", mesh, z_up=True)
    flat = replace(mesh, texture=np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(InputError, match=r"a texture must end in \.glb, \.obj, got \.ply"):
        write_mesh(tmp_path / "ball.ply", flat, z_up=True)
    with pytest.raises(InputError, match="--texture: side must be from 64 to 8192 pixels, got 8"):
        bake(mesh, solid, 8)
    assert not list(tmp_path.iterdir())


def test_without_the_extra_a_sentence_says_how_to_get_it(ball, tmp_path: Path, monkeypatch) -> None:
    mesh, solid = ball
    for module in ("xatlas", "trimesh"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=r"unwrapping a mesh needs xatlas.*\[mesh\]"):
        bake(mesh, solid, 64)
    with pytest.raises(InputError, match=r"writing a mesh needs trimesh.*\[mesh\]"):
        write_mesh(tmp_path / "ball.ply", mesh, z_up=True)
