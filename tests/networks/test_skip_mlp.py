"""The perceptron with a skip connection: formula, gradients, sizes, refusals."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from nfield.networks.skip_mlp import ACTIVATE, SkipMLP


def reference(network: SkipMLP, activation: str, x: Tensor) -> Tensor:
    """All hidden layers in turn, in float64; the input joins where `top` begins."""
    h = x
    for half in (network.bottom, network.top):
        if half is network.top:
            h = torch.cat([h, x], dim=1)
        for index in range(half.shape.hidden + 1):
            weight, bias = half.layer(index)
            h = h @ weight.detach().double().T
            h = h if bias is None else h + bias.detach().double()
            if half is network.bottom or index < half.shape.hidden:
                h = ACTIVATE[activation](h)
    return h


@pytest.mark.parametrize("activation", tuple(ACTIVATE))
@pytest.mark.parametrize(("hidden", "skip"), [(2, 1), (4, 2), (8, 5)])
@pytest.mark.parametrize("bias", [False, True])
def test_matches_the_layers_in_turn(activation: str, hidden: int, skip: int, bias: bool) -> None:
    torch.manual_seed(0)
    sizes = {"width": 32, "hidden": hidden, "skip": skip}
    network = SkipMLP(6, 4, **sizes, activation=activation, bias=bias)
    x = torch.randn(200, 6, requires_grad=True)
    y = network(x)
    (dx,) = torch.autograd.grad(y.sum(), x)
    exact = x.detach().double().requires_grad_()
    want = reference(network, activation, exact)
    (dwant,) = torch.autograd.grad(want.sum(), exact)
    # Sums of some tens of float32 products through at most nine layers.
    assert_close(y.detach().double(), want.detach(), atol=1e-5, rtol=1e-5)
    # A unit within rounding of ReLU's corner may take the other slope.
    wrong = ((dx.double() - dwant).abs() > 1e-4 * float(dwant.abs().max())).double().mean()
    assert wrong < (1e-2 if activation == "relu" else 1e-12)


def test_hidden_layers_are_counted_over_both_parts() -> None:
    network = SkipMLP(63, 4, width=64, hidden=8, skip=5)
    # Layers before the skip end in a hidden one, the others in the output.
    assert network.bottom.shape.hidden + 1 + network.top.shape.hidden == 8
    assert network.bottom.shape.layers[0] == (64, 63)
    assert network.top.shape.layers[0] == (64, 64 + 63)
    assert network.out_dim == network(torch.rand(3, 63)).shape[1] == 4


def test_refusals() -> None:
    with pytest.raises(ValueError, match="skip must be from 1 to 7, got 8"):
        SkipMLP(3, 4, hidden=8, skip=8)
    with pytest.raises(ValueError, match="skip must be from 6 to 9, got 5"):
        SkipMLP(3, 4, hidden=14, skip=5)
    with pytest.raises(ValueError, match="hidden must be from 2 to 17, got 18"):
        SkipMLP(3, 4, hidden=18, skip=9)
    with pytest.raises(ValueError, match="activation must be one of relu, softplus, sine"):
        SkipMLP(3, 4, activation="gelu")


def test_values_keep_their_size_through_many_layers() -> None:
    torch.manual_seed(0)
    network = SkipMLP(64, 64, width=128, hidden=8, skip=4)
    y = network(torch.randn(2000, 64))
    # As of `MLP`; where the input joins, both parts have a mean square of 1.
    assert 0.4 < float(y.detach().square().mean()) < 2.5
