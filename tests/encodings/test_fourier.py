"""Random Fourier features: how the frequencies are drawn, kept and saved."""

from __future__ import annotations

import math

import pytest
import torch

from nfield.encodings.fourier import Fourier


def test_frequencies_are_normal_with_the_given_spread() -> None:
    torch.manual_seed(0)
    drawn = Fourier(2, 5000, 10.0).frequencies / 10.0
    # Standard errors of 10,000 normal numbers: 0.01 of the mean, 0.007 of the deviation, 0.05 of
    # the fourth moment; four of each.
    assert abs(float(drawn.mean())) < 0.04
    assert abs(float(drawn.std()) - 1) < 0.03
    assert abs(float((drawn**4).mean()) - 3) < 0.4


def test_frequencies_are_saved_and_never_learned() -> None:
    one, other = Fourier(3, 8, 1.0), Fourier(3, 8, 1.0)
    assert not list(one.parameters())
    other.load_state_dict(one.state_dict())
    x = torch.rand(20, 3)
    assert torch.equal(one(x), other(x))


def test_similarity_depends_on_the_distance_alone() -> None:
    # gamma(x) . gamma(y) = sum cos 2 pi B (x - y), whatever x: a stationary kernel.
    encoding = Fourier(2, 64, 1.0)
    x, shift = torch.rand(50, 2), torch.tensor([[0.13, -0.2]])
    similarity = (encoding(x) * encoding(x + shift)).sum(1)
    want = torch.cos(2 * math.pi * shift.double() @ encoding.frequencies.double().T).sum()
    torch.testing.assert_close(similarity.double(), want.expand(50), atol=2e-4, rtol=0)


def test_sizes_and_refusals() -> None:
    encoding = Fourier(2, 7, 3.0)
    assert encoding.out_dim == encoding(torch.rand(4, 2)).shape[1] == 14
    with pytest.raises(ValueError, match="in_dim must be from 1 to 4, got 5"):
        Fourier(5, 8, 1.0)
    with pytest.raises(ValueError, match="sigma must be from 0 to inf, got -1.0"):
        Fourier(2, 8, -1.0)
