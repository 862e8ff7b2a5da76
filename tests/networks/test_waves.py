"""SIREN and FINER: formulas, starting values, gradients, refusals."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from nfield.networks.finer import Finer
from nfield.networks.mlp import MLP
from nfield.networks.siren import Siren


def siren_layer(h: Tensor, weight: Tensor, bias: Tensor, omega: float) -> Tensor:
    return torch.sin((omega * h) @ weight.T + bias)


def finer_layer(h: Tensor, weight: Tensor, bias: Tensor, omega: float) -> Tensor:
    z = h @ weight.T + bias
    return torch.sin(omega * (z.detach().abs() + 1) * z)


Layer = Callable[[Tensor, Tensor, Tensor, float], Tensor]
NETWORKS = [(Siren, siren_layer), (Finer, finer_layer)]


def reference(network: MLP, layer: Layer, omega: tuple[float, float], x: Tensor) -> list[Tensor]:
    """Output, and the gradients of its sum to the input and to all weights, in float64."""
    x = x.double().requires_grad_()
    leaves, h = [x], x
    for index in range(network.shape.hidden + 1):
        weight, bias = (part.detach().double().requires_grad_() for part in network.layer(index))
        leaves += [weight, bias]
        if index < network.shape.hidden:
            h = layer(h, weight, bias, omega[min(index, 1)])
        else:
            h = h @ weight.T + bias
    gradients = torch.autograd.grad(h.sum(), leaves)
    return [h.detach(), gradients[0], torch.cat([g.flatten() for g in gradients[1:]])]


@pytest.mark.parametrize(("kind", "layer"), NETWORKS)
@pytest.mark.parametrize("width", [32, 128])
def test_values_and_gradients_match_the_formula(
    kind: type[Siren] | type[Finer], layer: Layer, width: int
) -> None:
    torch.manual_seed(0)
    network = kind(2, 3, width=width, hidden=3, omega_first=20.0, omega_hidden=30.0)
    x = (torch.rand(400, 2) * 2 - 1).requires_grad_()
    y = network(x)
    dx, dweights = torch.autograd.grad(y.sum(), (x, network.weights))
    want = reference(network, layer, (20.0, 30.0), x.detach())
    for got, exact in zip((y.detach(), dx, dweights), want, strict=True):
        # Arguments of some tens, rounded to float32, are off by 2e-6; three layers and FINER's
        # growing frequency multiply that by some tens.
        assert_close(got.double(), exact, atol=1e-3 * float(exact.abs().max()), rtol=0)


@pytest.mark.parametrize("kind", [Siren, Finer])
def test_starting_values_fill_their_ranges(kind: type[Siren] | type[Finer]) -> None:
    torch.manual_seed(0)
    network = kind(2, 3, width=256, hidden=2, omega_hidden=25.0)
    for index, bound in enumerate((1 / 2, math.sqrt(6 / 256) / 25, math.sqrt(6 / 256) / 25)):
        weight = network.layer(index)[0].detach()
        assert 0.97 * bound < float(weight.abs().max()) <= bound
        # Of at least 512 uniform numbers; the standard error of the deviation is 2 %.
        assert float(weight.std()) == pytest.approx(bound / math.sqrt(3), rel=0.08)
    bias = network.layer(1)[1]
    assert bias is not None and 0.9 / 16 < float(bias.detach().abs().max()) <= 1 / 16


@pytest.mark.parametrize("largest", [0.0, 3.0])
def test_first_bias_of_finer(largest: float) -> None:
    torch.manual_seed(0)
    bias = Finer(2, 1, width=256, first_bias=largest).layer(0)[1]
    assert bias is not None
    assert 0.97 * largest <= float(bias.detach().abs().max()) <= largest


def test_sines_of_siren_keep_their_spread_from_layer_to_layer() -> None:
    torch.manual_seed(0)
    network = Siren(2, 1, width=256, hidden=5)
    h = (torch.rand(2000, 2) * 2 - 1).double()
    for index in range(5):
        weight, bias = (part.detach().double() for part in network.layer(index))
        h = siren_layer(h, weight, bias, 30.0)
        # Arcsine-distributed values have standard deviation 0.71 (Sitzmann et al., Sec. 3.2).
        assert 0.6 < float(h.std()) < 0.8


def test_omega_multiplies_the_weights_alone() -> None:
    network = Siren(1, 1, width=8, hidden=1, omega_first=7.0)
    with torch.no_grad():
        network.weights.fill_(0.25)
    x = torch.tensor([[0.3]])
    want = 8 * 0.25 * math.sin(0.25 * 7 * 0.3 + 0.25) + 0.25
    assert float(network(x).detach()) == pytest.approx(want, rel=1e-6)
    assert list(network.state_dict()) == ["weights"]


@pytest.mark.parametrize("kind", [Siren, Finer])
def test_refusals(kind: type[Siren] | type[Finer]) -> None:
    with pytest.raises(ValueError, match="hidden must be from 1 to 8, got 0"):
        kind(2, 3, hidden=0)
    with pytest.raises(ValueError, match="omega_first must be from 0.001 to 1000.0, got 0"):
        kind(2, 3, omega_first=0)
    with pytest.raises(ValueError, match="omega_hidden must be from 0.001 to 1000.0, got -3"):
        kind(2, 3, omega_hidden=-3)


def test_negative_first_bias_is_refused() -> None:
    with pytest.raises(ValueError, match="first_bias must be from 0 to inf, got -1"):
        Finer(2, 3, first_bias=-1)
