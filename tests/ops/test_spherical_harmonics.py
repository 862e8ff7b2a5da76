"""Spherical harmonics: orthonormality, parity, gradients, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from nfield.ops.spherical_harmonics import spherical_harmonics


def sphere_quadrature() -> tuple[Tensor, Tensor]:
    """Gauss-Legendre in z times equal steps in azimuth: exact for polynomials to degree 15."""
    z, weight = np.polynomial.legendre.leggauss(8)
    azimuth = np.arange(16) * 2 * math.pi / 16
    radius = np.sqrt(1 - z**2)
    points = np.stack(
        [
            np.outer(radius, np.cos(azimuth)),
            np.outer(radius, np.sin(azimuth)),
            np.repeat(z[:, None], 16, 1),
        ],
        -1,
    ).reshape(-1, 3)
    weights = np.repeat(weight * 2 * math.pi / 16, 16)
    return torch.from_numpy(points).float(), torch.from_numpy(weights)


def test_orthonormal_over_the_sphere() -> None:
    d, weight = sphere_quadrature()
    y = spherical_harmonics(d, 4).double()
    # The quadrature is exact; the values carry float32's rounding.
    assert_close(y.T @ (weight[:, None] * y), torch.eye(16, dtype=torch.float64), atol=2e-6, rtol=0)


def test_bands_have_their_parity() -> None:
    d = torch.nn.functional.normalize(torch.randn(50, 3), dim=1)
    sign = torch.tensor([(-1.0) ** band for band in range(4) for _ in range(2 * band + 1)])
    assert torch.equal(spherical_harmonics(-d), spherical_harmonics(d) * sign)


def test_first_values_by_hand() -> None:
    y = spherical_harmonics(torch.tensor([[0.0, 0.0, 1.0]]), 2)
    want = [0.5 / math.sqrt(math.pi), 0.0, math.sqrt(0.75 / math.pi), 0.0]
    assert_close(y, torch.tensor([want]), atol=1e-7, rtol=0)


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_gradient_matches_central_differences(degree: int) -> None:
    d = torch.nn.functional.normalize(torch.randn(33, 3), dim=1).requires_grad_()
    weight = torch.randn(33, degree**2)
    (spherical_harmonics(d, degree) * weight).sum().backward()
    assert d.grad is not None
    step = 2.0**-6
    for axis in range(3):
        shift = torch.zeros(3)
        shift[axis] = step
        up, down = (spherical_harmonics(d.detach() + s * shift, degree) for s in (1, -1))
        slope = ((up - down) * weight).sum(1) / (2 * step)
        # Third derivatives times step^2 / 6 reach 1e-3, rounding 1e-7 / step.
        assert_close(d.grad[:, axis], slope, atol=6e-3, rtol=1e-3)


def test_second_derivative_raises_and_bad_degree_is_named() -> None:
    d = torch.nn.functional.normalize(torch.randn(3, 3), dim=1).requires_grad_()
    (slope,) = torch.autograd.grad(spherical_harmonics(d).sum(), d, create_graph=True)
    with pytest.raises(RuntimeError, match="second derivatives are not supported"):
        slope.sum().backward()
    with pytest.raises(ValueError, match="degree must be from 1 to 4, got 5"):
        spherical_harmonics(d, 5)
