"""The hash grid module: continuity, and overfitting a tiny target."""

from __future__ import annotations

import torch

from nfield.encodings.hash_grid import HashGrid
from nfield.encodings.spherical_harmonics import SphericalHarmonics


def test_features_are_continuous() -> None:
    grid = HashGrid(2, levels=4, features=2, log2_table=8, base_resolution=4, finest_resolution=32)
    torch.nn.init.normal_(grid.table)
    t = torch.linspace(0, 1, 40_000)[:, None]
    y = grid(torch.cat([t, 1 - t], 1))
    # Slopes are at most resolution times twice the largest entry, about 32 * 8 per unit.
    assert float(y.detach().diff(dim=0).abs().max()) < 32 * 8 * 2 / 40_000 * 2


def test_table_alone_overfits_a_tiny_image() -> None:
    torch.manual_seed(0)
    grid = HashGrid(2, levels=1, features=1, log2_table=8, base_resolution=9, finest_resolution=9)
    centers = torch.stack(torch.meshgrid(*[torch.arange(8) / 8 + 1 / 16] * 2, indexing="ij"), -1)
    x, image = centers.view(-1, 2), torch.rand(64, 1)
    optimizer = torch.optim.Adam(grid.parameters(), lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        loss = (grid(x) - image).square().mean()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 1e-4


def test_sizes_are_reported() -> None:
    assert HashGrid(3, levels=4, features=4, log2_table=10).out_dim == 16
    assert SphericalHarmonics(3).out_dim == 9
    assert SphericalHarmonics(3)(torch.eye(3)).shape == (3, 9)
