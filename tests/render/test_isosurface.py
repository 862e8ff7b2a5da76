"""Isosurfaces: of a ball, with a field that is not a true distance, and of nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from nfield.render.isosurface import isosurface
from tests.targets import needs

needs("skimage")

RADIUS = 0.3


def ball(x: Tensor) -> Tensor:
    return (x - 0.5).norm(dim=1) - RADIUS


@pytest.mark.parametrize("factor", [1.0, 0.6, 1.8])
def test_a_ball_is_found_wherever_blocks_are_passed_by(factor: float) -> None:
    found = isosurface(lambda x: factor * ball(x), resolution=48)
    assert found is not None
    vertices, faces = found
    # Linear interpolation in a cell of 1/48: below its size squared over the radius.
    assert np.abs(np.linalg.norm(vertices - 0.5, axis=1) - RADIUS).max() < 48**-2 / RADIUS
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
    _, count = np.unique(edges, axis=0, return_counts=True)
    assert bool((count == 2).all())  # watertight


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
