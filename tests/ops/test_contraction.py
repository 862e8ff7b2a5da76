"""Contraction: identity inside, continuous, monotone and bounded outside; its gradient."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from nfield.ops.contraction import from_unit_cube, to_unit_cube
from tests.ops.reference import with_gradients

CENTER = (1.0, -2.0, 0.5)


def test_bounded_cube_maps_to_the_unit_cube() -> None:
    points = torch.tensor([[1.0, -2.0, 0.5], [3.0, 0.0, 2.5], [-1.0, -4.0, -1.5]])
    want = torch.tensor([[0.5] * 3, [1.0] * 3, [0.0] * 3])
    assert torch.equal(to_unit_cube(points, CENTER, 2.0, False), want)


def test_contraction_matches_its_formula() -> None:
    points = torch.randn(500, 3) * 8
    p = (points.double() - torch.tensor(CENTER, dtype=torch.float64)) / 2
    norm = p.abs().amax(1, keepdim=True)
    q = torch.where(norm <= 1, p, (2 - 1 / norm) * p / norm)
    got = to_unit_cube(points, CENTER, 2.0, True)
    assert_close(got.double(), q / 4 + 0.5, atol=5e-7, rtol=0)  # float32 rounding of O(1) values


def test_far_points_stay_inside_and_in_order() -> None:
    t = torch.logspace(-2, 6, 200)
    x = to_unit_cube(torch.stack([t, t * 0, t * 0], 1), (0.0, 0.0, 0.0), 1.0, True)[:, 0]
    assert (
        bool((x.diff() >= 0).all()) and float(x.max()) <= 1.0 and bool((x[:100].diff() > 0).all())
    )


def test_the_inverse_returns_to_the_world() -> None:
    near = torch.randn(500, 3, generator=torch.Generator().manual_seed(0)) * 4
    for unbounded in (False, True):
        space = (CENTER, 2.0, unbounded)
        back = from_unit_cube(to_unit_cube(near, *space), *space)
        # Contracted, a distance of 12 is within 0.1 of the border: 6e-8 there is 1e-4 of it.
        assert_close(back, near, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("unbounded", [False, True])
def test_gradient_is_that_of_the_formula(unbounded: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(500, 3, generator=generator) * 8  # both inside and outside of the cube
    weight = torch.randn(500, 3, generator=generator)

    def formula(x: torch.Tensor) -> torch.Tensor:
        p = (x - torch.tensor(CENTER, dtype=torch.float64)) / 2
        if not unbounded:
            return p / 2 + 0.5
        norm = p.abs().amax(1, keepdim=True)
        return torch.where(norm <= 1, p, (2 - 1 / norm) * p / norm) / 4 + 0.5

    _, want = with_gradients(formula, [points.double()], weight)
    _, got = with_gradients(lambda x: to_unit_cube(x, CENTER, 2.0, unbounded), [points], weight)
    assert_close(got.double(), want, atol=1e-6, rtol=1e-5)  # float32 rounding of O(1) values


def test_second_derivatives_raise() -> None:
    points = torch.ones(2, 3, requires_grad=True)
    x = to_unit_cube(points, CENTER, 2.0, True)
    (first,) = torch.autograd.grad((x * x).sum(), points, create_graph=True)
    with pytest.raises(RuntimeError, match="second derivatives"):
        first.sum().backward()
