"""Judging shapes: a perfect field, one of another size, one without a surface."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from nfield.data.mesh import MARGIN, Mesh, load_mesh
from nfield.data.surface import Surface
from nfield.evaluate import shape
from nfield.evaluate.shape import evaluate_shape
from nfield.render.isosurface import isosurface
from tests.targets import needs, write_mesh

needs("open3d", "trimesh", "skimage")


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Mesh:
    return load_mesh(str(write_mesh(tmp_path_factory.mktemp("mesh"))))


@pytest.fixture(autouse=True)
def few_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shape, "IOU_POINTS", 20_000)
    monkeypatch.setattr(shape, "SURFACE_POINTS", 5_000)


def judged(mesh: Mesh, offset: float) -> dict[str, float]:
    """Of the mesh's own distance, less an offset: the surface moves outwards by it."""

    def distance(x: Tensor) -> Tensor:
        return torch.from_numpy(mesh.distance(x.numpy())) - offset

    found = isosurface(distance, resolution=96)
    assert found is not None
    mean: dict[str, float] = evaluate_shape(mesh, distance, Surface(*found))["mean"]
    return mean


def test_a_perfect_field_is_judged_so(mesh: Mesh) -> None:
    mean = judged(mesh, 0.0)
    assert mean["iou"] == 1.0
    # Of the grid's cells, 1/96 wide, an eighth at most: the mesh's facets are larger.
    assert mean["chamfer"] < 1 / 96 / 8
    assert mean["normal_error"] < 4


def test_a_grown_surface_is_as_far_as_it_grew(mesh: Mesh) -> None:
    mean = judged(mesh, 0.02)
    assert mean["chamfer"] == pytest.approx(0.02 / (1 - 2 * MARGIN), rel=0.03)
    # Pappus: volumes are as the squares of the tube's radius, 1 and 1 + 0.02 / scale.
    assert mean["iou"] == pytest.approx((1 + 0.02 / mesh.scale) ** -2, abs=0.02)
    assert mean["normal_error"] < 8


def test_the_result_says_how_it_was_made(mesh: Mesh) -> None:
    result = evaluate_shape(mesh, lambda x: torch.ones(len(x)), None)
    assert result == {
        "protocol": "nfield-shape-1",
        "seed": 0,
        "iou_points": 20_000,
        "surface_points": 5_000,
        "resolution": 256,
        "distance": "signed",
        "mean": {"iou": 0.0, "chamfer": None, "normal_error": None},
    }


def test_unsigned_distances_have_no_iou(tmp_path: Path) -> None:
    mesh = load_mesh(str(write_mesh(tmp_path, faces=slice(0, -9))), distance="unsigned")
    result = evaluate_shape(mesh, lambda x: torch.ones(len(x)), mesh.surface)
    assert result["mean"]["iou"] is None
    assert result["mean"]["chamfer"] == pytest.approx(0, abs=1e-6)
    assert result["mean"]["normal_error"] == pytest.approx(0, abs=0.5)
    assert np.isfinite(result["mean"]["normal_error"])
