"""Meshes: distances against a torus known exactly, and refusals."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from nfield.data.mesh import MARGIN, Mesh, load_mesh
from nfield.errors import InputError
from tests.targets import needs, torus, write_mesh

needs("open3d", "trimesh")

# The torus of 48 by 24 quadrilaterals lies inside the smooth one: by 1 - cos(pi / 48) of the
# outer radius 3 around, and 1 - cos(pi / 24) of the inner radius 1 across, in all 0.015.
SAG = 0.02


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Mesh:
    return load_mesh(str(write_mesh(tmp_path_factory.mktemp("mesh"))))


def torus_distance(x: np.ndarray) -> np.ndarray:
    """Signed distance of points to the smooth torus, in its own units."""
    return np.hypot(np.hypot(x[:, 0], x[:, 1]) - 2, x[:, 2]) - 1


def test_the_mesh_fills_the_cube_but_for_a_margin(mesh: Mesh) -> None:
    low, high = mesh.surface.vertices.min(0), mesh.surface.vertices.max(0)
    assert_close(low[:2], np.full(2, MARGIN, np.float32), atol=1e-6, rtol=0)
    assert_close(high[:2], np.full(2, 1 - MARGIN, np.float32), atol=1e-6, rtol=0)
    back = (mesh.surface.vertices - 0.5) / mesh.scale + mesh.center
    assert np.abs(np.sort(back, 0) - np.sort(torus()[0], 0)).max() < 1e-5


def test_distances_are_those_of_the_torus(mesh: Mesh) -> None:
    x = np.random.default_rng(0).random((4000, 3), dtype=np.float32)
    want = torus_distance((x - 0.5) / mesh.scale + mesh.center)
    got = mesh.distance(x) / mesh.scale
    assert np.abs(got - want).max() < SAG
    assert bool((got[want < -SAG] < 0).all()) and bool((got[want > SAG] > 0).all())


def test_points_to_fit_lie_on_near_and_anywhere(mesh: Mesh) -> None:
    pool = mesh.points(3, size=4096)
    x, distance = pool.x.numpy(), pool.distance[:, 0].numpy()
    assert (len(pool), pool.out_dim) == (4096, 1)
    assert np.count_nonzero(distance == 0) == 512
    assert np.abs(mesh.surface.distance(x[distance == 0])).max() < 1e-6
    assert_close(mesh.distance(x)[distance != 0], distance[distance != 0])
    assert np.mean(np.abs(distance) < 0.05) > 0.5
    assert x.min() >= 0 and x.max() <= 1


def test_points_depend_on_the_seed_alone(mesh: Mesh) -> None:
    once, again, other = mesh.points(0, 2048), mesh.points(0, 2048), mesh.points(1, 2048)
    assert torch.equal(once.x, again.x) and torch.equal(once.distance, again.distance)
    assert not torch.equal(once.x, other.x)
    assert len(mesh.points(2**63 - 1, 64)) == 64  # the largest seed


def test_batches_are_points_of_the_pool(mesh: Mesh) -> None:
    pool = mesh.points(0, 2048)
    x, distance = pool.draw(100, torch.Generator().manual_seed(0))
    assert_close(mesh.distance(x.numpy()), distance[:, 0].numpy(), atol=1e-6, rtol=0)
    assert pool.draw(2048, torch.Generator())[0] is pool.x


def test_samples_are_spread_by_area_with_their_normals(mesh: Mesh) -> None:
    x, normal = mesh.surface.sample(20_000, 0)
    ring = np.hypot(x[:, 0] - 0.5, x[:, 1] - 0.5) / mesh.scale
    # The torus' area outside radius 2 is (pi + 1) / (2 pi) of it; 0.014 is four deviations.
    assert abs(np.mean(ring > 2) - (np.pi + 1) / (2 * np.pi)) < 0.014
    assert_close(np.linalg.norm(normal, axis=1), np.ones(20_000, np.float32), atol=1e-5, rtol=0)
    distance, nearest = mesh.surface.nearest(x)
    assert distance.max() < 1e-6
    # Samples on an edge may be given the other triangle's normal.
    assert np.mean((normal * nearest).sum(1) > 0.99) > 0.99


def test_rays_hit_the_surface(mesh: Mesh) -> None:
    origins = np.array([[0.5 + 2 * mesh.scale, 0.5, 2.0], [0.5, 0.5, 2.0]], np.float32)
    down = np.array([[0, 0, -1.0]] * 2, np.float32)
    distance, normal = mesh.surface.cast(origins, down)
    assert abs(distance[0] - (1.5 - mesh.scale)) < SAG * mesh.scale and np.isinf(distance[1])
    assert abs(normal[0, 2]) > 0.98


def test_a_mesh_with_holes_is_said_so_and_has_an_unsigned_distance(tmp_path: Path) -> None:
    file = str(write_mesh(tmp_path, faces=slice(0, -100)))
    message = r"must be watertight for a signed distance, .* with --set distance=unsigned"
    with pytest.raises(InputError, match=message):
        load_mesh(file)
    mesh = load_mesh(file, distance="unsigned")
    assert mesh.notes == ("the mesh is not watertight: it has no inside",)
    assert mesh.distance(np.random.default_rng(0).random((99, 3), dtype=np.float32)).min() >= 0


def test_repeated_vertices_are_joined(tmp_path: Path) -> None:
    vertices, faces = torus()
    lines = [f"v {x} {y} {z}" for x, y, z in vertices[faces].reshape(-1, 3)]
    lines += [f"f {i} {i + 1} {i + 2}" for i in range(1, 3 * len(faces), 3)]
    (tmp_path / "soup.obj").write_text("\n".join(lines))
    mesh = load_mesh(str(tmp_path / "soup.obj"))
    assert len(mesh.surface.vertices) == len(vertices)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.obj", "v 0 0 0\nv 1 0 0\nv 0 nan 0\nf 1 2 3\n", "vertices must be finite, got 1 with"),
        ("a.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\n", "mesh must "),
        ("a.obj", "v 1 1 1\nv 1 1 1\nv 1 1 1\nf 1 2 3\n", "mesh must "),
        ("a.obj", "", "mesh must "),
        ("a.ply", "ply\nformat", "mesh must be a readable file, got "),
        ("a.glb", "glTF", "mesh must be a readable file, got "),
        ("a.stl", "solid x", "mesh must "),
    ],
)
def test_broken_meshes_are_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        load_mesh(str(tmp_path / name), distance="unsigned")


def test_absent_files_and_packages_are_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"absent\.obj: mesh must be a file, got none"):
        load_mesh(str(tmp_path / "absent.obj"))
    file = str(write_mesh(tmp_path))
    monkeypatch.setitem(sys.modules, "open3d", None)
    message = r'needs open3d, which cannot be imported .* pip install "nfield-engine\[mesh\]"'
    with pytest.raises(InputError, match=message):
        load_mesh(file).points(0, 64)
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(InputError, match="reading a mesh needs trimesh, which cannot be imported"):
        load_mesh(file)
