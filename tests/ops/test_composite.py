"""Compositing: values and gradients against a float64 reference, conservation, refusals."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from nfield.ops.composite import composite
from tests.ops.reference import on_threads, same_bits, with_gradients


def reference(sigma: Tensor, rgb: Tensor, t: Tensor, dt: Tensor, offset: Tensor) -> Tensor:
    """Eq. 3 of arXiv:2003.08934, ray by ray: (R, 5) colour, opacity, depth."""
    rows = []
    for begin, end in zip(offset[:-1].tolist(), offset[1:].tolist(), strict=True):
        tau = sigma[begin:end] * dt[begin:end]
        transmittance = torch.exp(-(tau.cumsum(0) - tau))
        weight = transmittance * (1 - torch.exp(-tau))
        color = (weight[:, None] * rgb[begin:end]).sum(0)
        rows.append(torch.cat([color, weight.sum()[None], (weight * t[begin:end]).sum()[None]]))
    return torch.stack(rows)


def packed(counts: list[int]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(len(counts))
    offset = torch.tensor([0, *counts]).cumsum(0)
    total = int(offset[-1])
    sigma = torch.rand(total, generator=generator) * 30
    rgb = torch.rand(total, 3, generator=generator)
    t = torch.rand(total, generator=generator) * 4
    dt = torch.rand(total, generator=generator) * 0.1
    return sigma, rgb, t, dt, offset


def stacked(*arguments: Tensor) -> Tensor:
    color, opacity, depth = composite(*arguments)
    return torch.cat([color, opacity[:, None], depth[:, None]], 1)


@pytest.mark.parametrize("counts", [[1], [0, 5, 0, 0, 17, 1], [3] * 300, [200, 0, 1]])
def test_values_and_gradients_match_reference(counts: list[int]) -> None:
    sigma, rgb, t, dt, offset = packed(counts)
    weight = torch.randn(len(counts), 5)
    got = with_gradients(lambda s, c: stacked(s, c, t, dt, offset), (sigma, rgb), weight)
    want = with_gradients(
        lambda s, c: reference(s, c, t.double(), dt.double(), offset),
        (sigma.double(), rgb.double()),
        weight.double(),
    )
    for tensor, exact in zip(got, want, strict=True):
        # exp is good to 2e-7; up to 200 factors and terms of order one.
        assert_close(tensor.double(), exact, atol=2e-5, rtol=1e-4)


def test_weights_are_conserved() -> None:
    sigma, rgb, t, dt, offset = packed([7, 90, 3])
    color, opacity, _ = composite(sigma, torch.ones_like(rgb), t, dt, offset)
    # White samples: colour is opacity. What is not absorbed passes: 1 - A = exp(-sum tau).
    assert_close(color, opacity[:, None].expand(-1, 3), atol=1e-6, rtol=0)
    passed = [torch.exp(-part.sum()) for part in (sigma * dt).split([7, 90, 3])]
    assert_close(1 - opacity, torch.stack(passed), atol=1e-5, rtol=0)


def test_splitting_a_sample_changes_nothing() -> None:
    sigma, rgb, t, dt, _ = packed([5])
    twice = [tensor.repeat_interleave(2, 0) for tensor in (sigma, rgb, t, dt / 2)]
    once = stacked(sigma, rgb, t, dt, torch.tensor([0, 5]))
    assert_close(stacked(*twice, torch.tensor([0, 10])), once, atol=1e-6, rtol=1e-6)


def test_bits_do_not_depend_on_threads() -> None:
    sigma, rgb, t, dt, offset = packed([5, 0, 33] * 200)
    weight = torch.randn(600, 5)

    def compute() -> list[Tensor]:
        return with_gradients(lambda s, c: stacked(s, c, t, dt, offset), (sigma, rgb), weight)

    assert same_bits(on_threads(1, compute), on_threads(3, compute))


def test_second_derivative_raises() -> None:
    sigma, rgb, t, dt, offset = packed([5])
    sigma.requires_grad_()
    (slope,) = torch.autograd.grad(
        composite(sigma, rgb, t, dt, offset)[1].sum(), sigma, create_graph=True
    )
    with pytest.raises(RuntimeError, match="composite: second derivatives are not supported"):
        slope.sum().backward()


def test_refusals_name_argument_and_value() -> None:
    sigma, rgb, t, dt, offset = packed([5, 2])
    with pytest.raises(
        ValueError, match=r"offset must rise from 0 to the number of samples 7, got \[0\] to \[6\]"
    ):
        composite(sigma, rgb, t, dt, torch.tensor([0, 5, 6]))
    for offset_ in ([0, 9, 7], [1, 5, 7], []):
        with pytest.raises(ValueError, match="offset must rise from 0"):
            composite(sigma, rgb, t, dt, torch.tensor(offset_, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"rgb must have shape \(7, 3\), got \(7, 4\)"):
        composite(sigma, torch.zeros(7, 4), t, dt, offset)
