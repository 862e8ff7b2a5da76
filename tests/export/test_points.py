"""Points and splats of a known ball, read again by trimesh, open3d and plyfile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nfield.errors import InputError
from nfield.export.mesh import TriangleMesh
from nfield.export.points import Points, seen_points, surface_points, write_points
from nfield.export.splats import FLATNESS, OPACITY, splats_of, write_splats
from nfield.extras import require
from tests.export.analytic import BALL, COLOR, RADIUS, around, ball_model
from tests.targets import needs, torus

needs("open3d", "plyfile", "scipy", "trimesh")
import plyfile  # noqa: E402 - an extra
import trimesh  # noqa: E402 - an extra

COUNT = 2000


@pytest.fixture(scope="module")
def ball() -> Points:
    return seen_points(ball_model(), around(), COUNT)


def test_points_lie_on_the_surface_with_its_normals_and_colours(ball: Points) -> None:
    assert 0.95 * COUNT <= len(ball) <= COUNT
    away = ball.position - BALL
    distance = np.linalg.norm(away, axis=1)
    # Light is lost within some 1/20 around the radius: the density grows e-fold in 1/20.
    assert abs(np.median(distance) - RADIUS) < 0.05
    assert np.quantile(np.abs(distance - RADIUS), 0.95) < 0.1
    cosine = (away / distance[:, None] * ball.normal).sum(1)
    assert np.quantile(cosine, 0.05) > 0.9
    assert np.abs(ball.color - 255 * np.array(COLOR)).max() <= 1


def test_points_are_read_by_others(ball: Points, tmp_path: Path) -> None:
    path = tmp_path / "ball.ply"
    write_points(path, ball)
    read = trimesh.load(path)
    assert np.array_equal(np.asarray(read.vertices, np.float32), ball.position)
    assert np.array_equal(read.colors[:, :3], ball.color)
    cloud = require("open3d", "mesh", "a test").io.read_point_cloud(str(path))
    assert np.asarray(cloud.points) == pytest.approx(ball.position)
    assert np.asarray(cloud.normals) == pytest.approx(ball.normal, abs=1e-6)
    assert np.asarray(cloud.colors) * 255 == pytest.approx(ball.color, abs=1e-3)


def test_points_of_a_mesh_are_spread_over_it() -> None:
    vertices, faces = torus(96, 48)
    points = surface_points(
        TriangleMesh(vertices.astype(np.float32), faces.astype(np.int32)), COUNT
    )
    ring = np.hypot(points.position[:, 0], points.position[:, 1]) - 2
    tube = np.hypot(ring, points.position[:, 2])
    assert len(points) == COUNT and np.abs(tube - 1).max() < 0.01


def test_splats_are_flat_discs_on_the_surface(ball: Points, tmp_path: Path) -> None:
    path = tmp_path / "ball.ply"
    write_splats(path, splats_of(ball))
    read = plyfile.PlyData.read(path)["vertex"]
    names = [p.name for p in read.properties]
    assert names == [
        *("x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"),
        *(f"f_rest_{i}" for i in range(45)),
        *("opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"),
    ]
    assert {p.val_dtype for p in read.properties} == {"f4"}
    table = {name: np.asarray(read[name], np.float64) for name in names}
    assert 1 / (1 + np.exp(-table["opacity"])) == pytest.approx(OPACITY, abs=1e-6)
    color = 0.5 + 0.28209479177387814 * table["f_dc_0"]
    assert np.abs(color - COLOR[0]).max() < 1 / 250
    scale = np.exp(np.stack([table[f"scale_{i}"] for i in range(3)], 1))
    assert scale[:, 2] == pytest.approx(FLATNESS * scale[:, 0], rel=1e-5)
    # Evenly spread, a point has 4 pi / N of the area; seen pixels are not even, hence the factor.
    spacing = np.sqrt(4 * np.pi / len(ball))
    assert 0.2 * spacing < np.median(scale[:, 0]) < 2 * spacing
    w, x, y, z = (table[f"rot_{i}"] for i in range(4))
    # Third column of the rotation of a quaternion: where its z axis points.
    axis = np.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], 1)
    assert axis == pytest.approx(ball.normal, abs=1e-5)


def test_a_disc_that_faces_down_is_turned_over() -> None:
    down = np.tile(np.float32([0, 0, -1]), (4, 1))
    position = np.random.default_rng(0).random((4, 3), np.float32)
    splats = splats_of(Points(position, down, np.zeros((4, 3), np.uint8)))
    assert splats.rotation == pytest.approx(np.tile([0, 1, 0, 0], (4, 1)))


def test_wrong_counts_and_names_are_refused(ball: Points, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--count: number must be from 16 to 50,000,000, got 3"):
        seen_points(ball_model(), around(), 3)
    with pytest.raises(InputError, match=r"points must end in \.ply, got \.txt"):
        write_points(tmp_path / "ball.txt", ball)


def test_a_scene_in_which_nothing_is_seen_is_refused() -> None:
    model = ball_model()
    model.field.density = lambda h: 0 * h[:, 0]
    with pytest.raises(InputError, match="cameras must see at least 16 points, got 0"):
        seen_points(model, around(), 16)
