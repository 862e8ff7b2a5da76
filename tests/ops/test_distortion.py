"""Distortion: the published double sum, its gradient, and what it is for."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from nfield.ops.distortion import distortion
from tests.ops.reference import on_threads

COUNTS = (0, 1, 5, 40, 17)


def packed() -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    offset = torch.tensor([0, *COUNTS]).cumsum(0)
    total = int(offset[-1])
    sigma = torch.rand(total, generator=generator) * 3
    dt = torch.rand(total, generator=generator) * 0.2 + 0.05
    s = torch.cat([dt[a:b].cumsum(0) for a, b in itertools.pairwise(offset)])
    return sigma, dt, s, dt * 0.5, offset


def reference(sigma: Tensor, dt: Tensor, s: Tensor, ds: Tensor, offset: Tensor) -> Tensor:
    losses = []
    for a, b in itertools.pairwise(offset.tolist()):
        thickness = sigma[a:b] * dt[a:b]
        before = thickness.cumsum(0) - thickness
        w = (1 - torch.exp(-thickness)) * torch.exp(-before)
        pairs = (s[a:b, None] - s[None, a:b]).abs()
        losses.append((w[:, None] * w * pairs).sum() + (w * w * ds[a:b]).sum() / 3)
    return torch.stack(losses)


def test_agrees_with_the_double_sum_and_its_gradient() -> None:
    sigma, dt, s, ds, offset = packed()
    upstream = torch.linspace(-1, 1, len(COUNTS))
    exact = sigma.double().requires_grad_()
    want = reference(exact, dt.double(), s.double(), ds.double(), offset)
    (want_gradient,) = torch.autograd.grad(want, exact, upstream.double())
    sigma.requires_grad_()
    loss = distortion(sigma, dt, s, ds, offset)
    (gradient,) = torch.autograd.grad(loss, sigma, upstream)
    # Differences of sums of up to 40 float32 terms near 5.
    assert torch.allclose(loss.double(), want, atol=1e-5)
    assert torch.allclose(gradient.double(), want_gradient, atol=1e-5)


def test_one_thin_surface_has_none_and_two_have_their_distance() -> None:
    opaque = torch.tensor([1e9])
    none = distortion(
        opaque, torch.ones(1), torch.tensor([0.7]), torch.zeros(1), torch.tensor([0, 1])
    )
    assert float(none) == 0
    # Half of the light stops at 0.2, the rest at 0.5: 2 * 1/2 * 1/2 * 0.3.
    half = torch.tensor([torch.log(torch.tensor(2.0)), 1e9])
    two = distortion(
        half, torch.ones(2), torch.tensor([0.2, 0.5]), torch.zeros(2), torch.tensor([0, 2])
    )
    assert float(two) == pytest.approx(0.15, abs=1e-6)


def test_same_bits_on_any_number_of_threads() -> None:
    def gradient() -> Tensor:
        sigma, dt, s, ds, offset = packed()
        sigma.requires_grad_()
        loss = distortion(sigma, dt, s, ds, offset)
        return torch.cat([loss.detach(), *torch.autograd.grad(loss.sum(), sigma)])

    assert torch.equal(on_threads(1, gradient), on_threads(3, gradient))


def test_refusals_and_second_derivatives() -> None:
    sigma, dt, s, ds, offset = packed()
    with pytest.raises(ValueError, match="distortion: s must have shape"):
        distortion(sigma, dt, s[1:], ds, offset)
    sigma.requires_grad_()
    (first,) = torch.autograd.grad(
        distortion(sigma, dt, s, ds, offset).sum(), sigma, create_graph=True
    )
    with pytest.raises(RuntimeError, match="distortion: second derivatives are not supported"):
        first.sum().backward()
