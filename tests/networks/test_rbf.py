"""The RBF module: sizes, starting values, learning."""

from __future__ import annotations

import pytest
import torch

from nfield.networks.rbf import RBF


def test_sizes() -> None:
    net = RBF(5, 3, kernels=17)
    assert net.out_dim == 3
    assert net(torch.randn(11, 5)).shape == (11, 3)
    assert str(net) == "RBF(in_dim=5, out_dim=3, kernels=17)"
    with pytest.raises(ValueError, match="RBF: in_dim must be from 1 to 1024, got 0"):
        RBF(0, 3)


def test_starting_values_fill_their_ranges() -> None:
    net = RBF(32, 300, kernels=64)
    for parameter, bound in ((net.centers, 1e-4), (net.weights, 1 / 8), (net.bias, 1 / 8)):
        assert bound * 0.95 < float(parameter.detach().abs().max()) <= bound
        assert parameter.detach().min() < 0 < parameter.detach().max()
    assert not net.log_scales.any()


def test_learns_what_no_linear_map_does() -> None:
    torch.manual_seed(0)
    net = RBF(2, 1, kernels=16)
    x = 2 * torch.rand(500, 2) - 1
    want = x[:, :1] * x[:, 1:]  # not correlated with x: a linear map would leave all its variance
    optimizer = torch.optim.Adam(net.parameters(), lr=0.03)
    for _ in range(300):
        optimizer.zero_grad()
        loss = (net(x) - want).square().mean()
        loss.backward()
        optimizer.step()
    assert loss < 0.02 * want.var()
