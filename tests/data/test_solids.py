"""Solids: distances by hand, and surfaces that their implicit equations confirm."""

from __future__ import annotations

import numpy as np
import pytest

from nfield.data.models import _frame
from nfield.data.patterns import noise
from nfield.data.solids import Material, Solid
from nfield.data.tracer import trace

GREY = Material(lambda points: np.full_like(points, 0.5))
AXES = _frame((0.3, -0.5, 0.8))
SOLIDS = {
    "ellipsoid": Solid("ellipsoid", (0.1, 0.2, -0.3), (0.5, 0.3, 0.2), GREY, AXES),
    "box": Solid("box", (0.1, 0.2, -0.3), (0.5, 0.3, 0.2), GREY, AXES),
    "rod": Solid("tube", (0.1, 0.2, -0.3), (0.3, 0.3, 0.6), GREY, AXES),
    "hoop": Solid("tube", (0.1, 0.2, -0.3), (0.6, 0.6, 0.1), GREY, AXES, inner=0.8),
}


def implicit(solid: Solid, points: np.ndarray) -> np.ndarray:
    """Below zero inside, zero on the surface: the definition of each solid, in its unit axes."""
    x, y, z = solid.unscaled(points) / np.array(solid.size)[:, None]
    if solid.kind == "ellipsoid":
        return np.sqrt(x * x + y * y + z * z) - 1
    if solid.kind == "box":
        return np.max(np.abs([x, y, z]), axis=0) - 1
    radius = np.hypot(x, y)
    return np.max([radius - 1, np.abs(z) - 1, solid.inner - radius], axis=0)


def rays(count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """From a sphere of radius 3 to points near the solids."""
    generator = np.random.default_rng(3)
    origin = generator.normal(size=(3, count))
    origin *= 3 / np.linalg.norm(origin, axis=0)
    direction = generator.uniform(-0.9, 0.9, (3, count)) - origin
    return origin, direction / np.linalg.norm(direction, axis=0)


def test_distances_by_hand():
    origin, direction = np.array([[0.0], [0.0], [5.0]]), np.array([[0.0], [0.0], [-1.0]])
    across = np.array([[0.85], [0.0], [5.0]])
    size = (1.0, 1.0, 0.5)
    for kind, expected in (("ellipsoid", 4.5), ("box", 4.5), ("tube", 4.5)):
        solid = Solid(kind, (0, 0, 0), size, GREY)
        with np.errstate(invalid="ignore"):
            assert solid.distance(origin, direction)[0] == pytest.approx(expected, abs=1e-12)
    ring = Solid("tube", (0, 0, 0), size, GREY, inner=0.8)
    assert ring.distance(across, direction)[0] == pytest.approx(4.5, abs=1e-12)
    assert ring.distance(origin, direction)[0] == np.inf


@pytest.mark.parametrize("name", SOLIDS)
def test_hits_are_the_first_points_of_the_surface(name):
    solid = SOLIDS[name]
    origin, direction = rays()
    distance = solid.distance(origin, direction)
    hit = np.isfinite(distance)
    assert 0.02 < hit.mean() < 0.9
    at = origin[:, hit] + distance[hit] * direction[:, hit]
    # float64 roots of quadratics of size 1.
    assert np.abs(implicit(solid, at)).max() < 1e-9
    # Nothing of the solid comes earlier, and nothing at all on a miss.
    for share in np.linspace(0, 0.999, 97):
        before = origin[:, hit] + share * distance[hit] * direction[:, hit]
        assert (implicit(solid, before) > -1e-9).all()
        along = origin[:, ~hit] + share * 6 * direction[:, ~hit]
        assert (implicit(solid, along) > -1e-9).all()


@pytest.mark.parametrize("name", SOLIDS)
def test_normals_are_unit_and_point_out(name):
    solid = SOLIDS[name]
    origin, direction = rays()
    distance = solid.distance(origin, direction)
    hit = np.isfinite(distance)
    at = origin[:, hit] + distance[hit] * direction[:, hit]
    normal = solid.normal(at)
    assert np.allclose(np.linalg.norm(normal, axis=0), 1)
    assert (implicit(solid, at + 1e-4 * normal) > 0).all()
    # Coming from outside, a ray meets the surface against its normal.
    assert ((normal * direction[:, hit]).sum(0) < 1e-6).all()


def test_tracing_many_solids_is_tracing_each():
    solids = tuple(SOLIDS.values())
    origin, direction = rays()
    hits = trace(solids, origin, direction)
    each = np.stack([solid.distance(origin, direction) for solid in solids])
    assert np.array_equal(hits.distance, each.min(0))
    found = np.isfinite(each.min(0))
    assert np.array_equal(hits.solid[found], each.argmin(0)[found])
    assert (hits.solid[~found] == -1).all()


def test_noise_is_in_the_unit_range_and_continuous():
    generator = np.random.default_rng(0)
    points = generator.uniform(-20, 20, (3, 5000))
    value = noise(points)
    assert value.min() >= 0 and value.max() <= 1
    # Random numbers at the corners: the mean is near a half, the spread well below uniform's.
    assert abs(value.mean() - 0.5) < 0.02 and 0.1 < value.std() < 0.3
    # The steepest blend changes by 1.5 a unit along each axis.
    assert np.abs(noise(points + 1e-5) - value).max() < 4.5e-5 + 1e-12
