"""The peers of encodings and coordinate networks compute what ours computes."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from benchmarks.peers.waves_torch import Sines, fourier
from nfield.encodings.fourier import Fourier
from nfield.networks.finer import Finer
from nfield.networks.siren import Siren


def test_fourier_equals_ours() -> None:
    ours = Fourier(2, 20, 3.0)
    x = torch.rand(100, 2)
    # Some ten turns, rounded to float32.
    assert_close(fourier(x, ours.frequencies), ours(x), atol=3e-5, rtol=0)


@pytest.mark.parametrize("kind", [Siren, Finer])
def test_sines_equal_ours(kind: type[Siren] | type[Finer]) -> None:
    torch.manual_seed(0)
    ours = kind(2, 3, width=32, hidden=3, omega_first=10.0)
    layers = [(weight, bias) for weight, bias in map(ours.layer, range(4)) if bias is not None]
    peer = Sines(layers, (10.0, 30.0), grows=kind is Finer)
    x, upstream = torch.rand(100, 2), torch.randn(100, 3)
    y, want = ours(x), peer(x)
    assert_close(y, want, atol=1e-3, rtol=0)  # arguments of tens, through three layers
    (gradient,) = torch.autograd.grad(y, ours.weights, upstream)
    parts = torch.autograd.grad(want, list(peer.parameters()), upstream)
    exact = torch.cat([part.flatten() for part in parts])
    assert_close(gradient, exact, atol=1e-3 * float(exact.abs().max()), rtol=0)
