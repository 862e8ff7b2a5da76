"""Isosurfaces: of a ball, with a field that is not a true distance, and of nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from nfield.errors import InputError
from nfield.render.isosurface import Grid, extract, isosurface, passing
from tests.targets import needs

needs("skimage")

RADIUS = 0.3


def ball(x: Tensor) -> Tensor:
    return (x - 0.5).norm(dim=1) - RADIUS


def watertight(faces: np.ndarray) -> bool:
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
    _, count = np.unique(edges, axis=0, return_counts=True)
    return bool((count == 2).all())


def waves(x: Tensor) -> Tensor:
    """A field with tunnels, thin walls and many parts, in cells of 1/32."""
    return 32 * 0.03 * ((23 * x[:, 0]).sin() + (19 * x[:, 1] + 1).sin() * (17 * x[:, 2]).cos())


@pytest.mark.parametrize("factor", [1.0, 0.6, 1.8])
def test_a_ball_is_found_wherever_blocks_are_passed_by(factor: float) -> None:
    found = isosurface(lambda x: factor * ball(x), resolution=48)
    assert found is not None
    vertices, faces = found
    # Linear interpolation in a cell of 1/48: below its size squared over the radius.
    assert np.abs(np.linalg.norm(vertices - 0.5, axis=1) - RADIUS).max() < 48**-2 / RADIUS
    assert watertight(faces)


def test_normals_point_outwards() -> None:
    found = isosurface(ball, resolution=16)
    assert found is not None
    a, b, c = (found[0][found[1][:, i]] for i in range(3))
    outward = (np.cross(b - a, c - a) * (a + b + c - 1.5)).sum(1)
    assert bool((outward > 0).all())


def test_levels_are_offsets() -> None:
    found = isosurface(ball, resolution=48, level=0.1)
    assert found is not None
    assert np.abs(np.linalg.norm(found[0] - 0.5, axis=1) - 0.4).max() < 1e-3


def test_no_crossing_is_no_surface() -> None:
    assert isosurface(lambda x: torch.ones(len(x)), resolution=16) is None


def test_most_of_the_cube_is_not_asked() -> None:
    asked = 0

    def counted(x: Tensor) -> Tensor:
        nonlocal asked
        asked += len(x)
        return ball(x)

    isosurface(counted, resolution=96)
    assert asked < 0.3 * 97**3


@pytest.mark.parametrize("corners", [1, 5000, 20_000])
def test_slabs_give_the_mesh_of_the_whole_grid(corners: int) -> None:
    grid = Grid((-1.0, 0.0, 2.0), 1 / 32, (48, 32, 36))
    whole = extract(waves, passing(waves, 100.0), grid, closed=True, corners=10**9)
    slabs = extract(waves, passing(waves, 100.0), grid, closed=True, corners=corners)
    assert whole is not None and slabs is not None
    assert np.array_equal(whole[1], slabs[1])
    # Positions are float32 within their slab: 48 cells round to 4e-6 of one.
    assert np.abs(whole[0] - slabs[0]).max() < 1e-5 / 32
    assert watertight(slabs[1])


def test_a_solid_that_leaves_the_grid_is_closed_at_its_border() -> None:
    grid = Grid((0.0, 0.0, 0.0), 0.5, (4, 8, 12))
    found = extract(lambda x: -torch.ones(len(x)), lambda x: x[:, 0] * torch.nan, grid, closed=True)
    assert found is not None and watertight(found[1])
    assert found[0].min() > 0 and bool((found[0].max(0) < np.array([2, 4, 6])).all())


def test_values_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InputError, match="values of the field must be finite"):
        isosurface(lambda x: ball(x) / 0 * 0, resolution=8)
