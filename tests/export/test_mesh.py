"""Meshes: the surface of a known ball in its world, its colours, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from nfield.errors import InputError
from nfield.export import mesh as module
from nfield.export.mesh import (
    TriangleMesh,
    color_vertices,
    decimate,
    extract_mesh,
    grid_over,
    keep_components,
)
from nfield.export.solid import RadianceSolid
from tests.export.analytic import BALL, CENTER, COLOR, HALF, RADIUS, ball_model
from tests.targets import needs, torus

needs("skimage", "trimesh")
import trimesh  # noqa: E402 - an extra


def opened(mesh: TriangleMesh) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)


@pytest.mark.parametrize("unbounded", [False, True])
def test_a_ball_has_its_radius_and_is_watertight(unbounded: bool) -> None:
    mesh = extract_mesh(RadianceSolid(ball_model(unbounded=unbounded)), 48)
    distance = np.linalg.norm(mesh.vertices - BALL, axis=1)
    # The logarithm of the density is linear in r; chords of a cell c are off by c^2 / (8 r).
    cell = 2 * HALF / 48
    assert np.abs(distance - RADIUS).max() < 1.5 * cell**2 / (8 * RADIUS)
    assert opened(mesh).is_watertight
    assert opened(mesh).volume == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.01)
    outward = (mesh.vertices - BALL) / distance[:, None]
    assert ((mesh.normals * outward).sum(1) > 0.99).all()


def test_the_threshold_is_a_density_per_unit_of_length() -> None:
    # 25 exp(40 (1 - R) / half) per half: at R = 0.9 it is 25 e^2 / half.
    solid = RadianceSolid(ball_model(), 25 * np.exp(2) / HALF)
    distance = np.linalg.norm(extract_mesh(solid, 48).vertices - BALL, axis=1)
    assert np.abs(distance - 0.9).max() < 2e-3


def test_empty_cells_are_not_asked_and_hold_nothing() -> None:
    model = ball_model()
    places = model.occupancy.cells
    # Cells on the near side of the middle of x are emptied.
    model.occupancy.thickness[places % 16 < 8] = 0.0
    model.occupancy.refresh()
    asked: list[Tensor] = []
    density = model.field.density
    model.field.density = lambda h: asked.append(h) or density(h)  # type: ignore[func-returns-value]
    mesh = extract_mesh(RadianceSolid(model), 32)
    assert float(torch.cat(asked)[:, 0].min()) >= 0.5
    assert opened(mesh).is_watertight
    assert mesh.vertices[:, 0].min() > CENTER[0] - 2 * HALF / 32


def test_a_box_cuts_and_closes() -> None:
    solid = RadianceSolid(ball_model())
    x, y, z = BALL
    mesh = extract_mesh(solid, 40, box=(x, y - 1.2, z - 1.2, x + 1.2, y + 1.2, z + 1.2))
    assert opened(mesh).is_watertight
    assert opened(mesh).volume == pytest.approx(2 / 3 * np.pi, rel=0.06)  # half, less a cell
    with pytest.raises(InputError, match="--box: must be x y z"):
        extract_mesh(solid, 40, box=(0, 0, 0, 1, 1, 0))


def test_colours_are_those_seen_along_the_inward_normal() -> None:
    plain = RadianceSolid(ball_model())
    mesh = color_vertices(extract_mesh(plain, 16), plain)
    assert mesh.color is not None
    assert np.abs(mesh.color - 255 * np.array(COLOR)).max() <= 1
    solid = RadianceSolid(ball_model(by_direction=True))
    mesh = color_vertices(extract_mesh(solid, 16), solid)
    assert mesh.color is not None
    assert np.abs(mesh.color / 255 - (1 + mesh.normals) / 2).max() < 1 / 250


def test_no_surface_is_refused_with_the_threshold_and_the_range() -> None:
    solid = RadianceSolid(ball_model(), 1e12)
    with pytest.raises(InputError, match=r"must reach the threshold 1e\+12 somewhere, got from .*"):
        extract_mesh(solid, 16)


def test_what_does_not_fit_is_refused_before_it_is_allocated(monkeypatch) -> None:
    solid = RadianceSolid(ball_model())
    with pytest.raises(InputError, match=r"1000000 cells a side must fit into the [\d,]+ bytes"):
        extract_mesh(solid, 1_000_000)
    monkeypatch.setattr(module, "available_memory", lambda: 1 << 20)
    with pytest.raises(InputError, match="the 1,048,576 bytes of free memory, got about "):
        extract_mesh(solid, 256)
    with pytest.raises(InputError, match="--resolution: must be at least 4, got 0"):
        extract_mesh(solid, 0)


def test_small_parts_are_dropped() -> None:
    vertices, faces = torus()
    small, few = torus(12, 6)
    both = TriangleMesh(
        np.concatenate([vertices, small + 20]).astype(np.float32),
        np.concatenate([faces, few + len(vertices)]).astype(np.int32),
    )
    share = len(few) / (len(few) + len(faces))
    assert len(keep_components(both, 0.99 * share).faces) == len(faces) + len(few)
    kept = keep_components(both, 1.01 * share)
    assert np.array_equal(kept.faces, faces) and np.allclose(kept.vertices, vertices)
    assert len(keep_components(both, 1.0).faces) == len(faces)  # the largest stays
    with pytest.raises(InputError, match="--keep: share must be from 0 to 1, got 2"):
        keep_components(both, 2)


def test_fewer_faces_keep_the_shape() -> None:
    needs("open3d")
    mesh = extract_mesh(RadianceSolid(ball_model()), 48)
    coarse = decimate(mesh, 500)
    assert 400 <= len(coarse.faces) <= 500
    assert opened(coarse).is_watertight
    # 500 flat faces in a ball lose some 3 % of it.
    assert opened(coarse).volume == pytest.approx(opened(mesh).volume, rel=0.05)
    assert decimate(mesh, 10**6) is mesh
    with pytest.raises(InputError, match="--faces: number must be at least 4, got 3"):
        decimate(mesh, 3)


def test_grids_hold_the_box_in_whole_blocks() -> None:
    grid = grid_over((0.0, 0.0, 0.0), (4.0, 1.0, 2.1), 32)
    assert grid.cell == 0.125 and grid.cells == (32, 8, 20)
    assert grid.low == pytest.approx((0.0, 0.0, 2.1 / 2 - 1.25))
