"""Positional encoding: the order of its outputs, its accuracy in high bands, sizes."""

from __future__ import annotations

import math

import pytest
import torch

from nfield.encodings.frequency import Frequency


@pytest.mark.parametrize("in_dim", [1, 2, 3, 4])
@pytest.mark.parametrize("include_input", [False, True])
def test_outputs_are_input_sines_cosines_band_by_band(in_dim: int, include_input: bool) -> None:
    bands = 17  # the highest completes 2^15 turns per unit
    x = torch.rand(300, in_dim) * 2 - 1
    angle = [2.0**k * math.pi * x.double() for k in range(bands)]
    parts = [a.sin() for a in angle] + [a.cos() for a in angle]
    want = torch.cat([x.double(), *parts] if include_input else parts, dim=1)
    encoding = Frequency(in_dim, bands, include_input=include_input)
    assert encoding.out_dim == want.shape[1]
    # Octaves times float32 are exact, and so is their reduction, in every band alike; what is left
    # is the float64 reference's own 2^16 * pi * 1e-16 and the polynomials' rounding.
    torch.testing.assert_close(encoding(x).double(), want, atol=2.5e-7, rtol=0)


def test_nothing_to_learn_and_nothing_to_save() -> None:
    encoding = Frequency(3, 4)
    assert not list(encoding.parameters()) and not encoding.state_dict()


def test_gradient_reaches_the_input_on_both_ways() -> None:
    x = torch.tensor([[0.2]], requires_grad=True)
    Frequency(1, 1)(x).sum().backward()
    assert x.grad is not None
    want = 1 + math.pi * (math.cos(0.2 * math.pi) - math.sin(0.2 * math.pi))
    assert float(x.grad) == pytest.approx(want, rel=1e-6)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="bands must be from 1 to 32, got 0"):
        Frequency(3, 0)
    with pytest.raises(ValueError, match="in_dim must be from 1 to 4, got 6"):
        Frequency(6, 4)
