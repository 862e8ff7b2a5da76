"""The perceptron module: views of its layers, starting values, learning."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from nfield.networks.mlp import MLP


def test_layers_are_views_of_the_weights() -> None:
    net = MLP(5, 3, width=8, hidden=2, activation="softplus", bias=True)
    x = torch.randn(17, 5)
    y = x
    for index in range(3):
        weight, bias = net.layer(index)
        y = torch.nn.functional.linear(y, weight, bias)
        if index < 2:
            y = torch.nn.functional.softplus(y)
    assert_close(net(x), y, atol=1e-5, rtol=1e-5)  # float32 sums in another order
    with torch.no_grad():
        net.layer(0)[0].zero_()
        assert_close(net(x), net(torch.zeros_like(x)))


def test_starting_weights_fill_their_range() -> None:
    net = MLP(64, 16, width=32, hidden=1, bias=True)
    for index, bound in enumerate(((6 / 64) ** 0.5, (3 / 32) ** 0.5)):
        weight, bias = net.layer(index)
        assert bias is not None and not bias.any()
        assert bound * 0.95 < float(weight.detach().abs().max()) <= bound


def test_values_keep_their_size_through_many_layers() -> None:
    torch.manual_seed(0)
    x = torch.randn(2000, 64)
    for activation, hidden in (("relu", 8), ("none", 8), ("none", 0)):
        y = MLP(64, 64, width=128, hidden=hidden, activation=activation)(x)
        # The mean square is 1, give or take the chance of nine layers' weights.
        assert 0.4 < float(y.detach().square().mean()) < 2.5


def test_learns_a_linear_map_exactly() -> None:
    net = MLP(8, 4, hidden=0)
    x = torch.randn(500, 8)
    want = torch.randn(4, 8)
    optimizer = torch.optim.LBFGS(net.parameters(), max_iter=50)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = (net(x) - x @ want.T).square().mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert_close(net.layer(0)[0], want, atol=1e-3, rtol=0)  # LBFGS stops at gradient 1e-5
