"""Voxel and tri-plane modules: growth, total variation, overfitting, sizes refused."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from nfield.encodings.growth import resample
from nfield.encodings.triplane import TriPlane
from nfield.encodings.voxel import Voxel

Encoding = Voxel | TriPlane


def encodings() -> list[Encoding]:
    torch.manual_seed(0)
    return [
        Voxel(1, resolution=9, channels=2),
        Voxel(2, resolution=5, channels=3),
        Voxel(3, resolution=4, channels=2),
        TriPlane(resolution=6, channels=4),
    ]


def points(encoding: Encoding, count: int = 200) -> Tensor:
    in_dim = len(encoding.shape.resolution) if isinstance(encoding, Voxel) else 3
    return torch.rand(count, in_dim)


def resolution_of(encoding: Encoding) -> int:
    resolution = encoding.shape.resolution
    return resolution if isinstance(resolution, int) else resolution[0]


@pytest.mark.parametrize("encoding", encodings(), ids=repr)
@pytest.mark.parametrize("factor", [1, 2, 3])
def test_growth_by_whole_factors_keeps_the_function(encoding: Encoding, factor: int) -> None:
    x = points(encoding)
    before = encoding(x)
    encoding.grow((resolution_of(encoding) - 1) * factor + 1)
    # Positions round by half of 2^-19, entries by 2^-24.
    assert_close(encoding(x), before, atol=1e-5, rtol=0)
    loss = encoding(x).square().mean() + encoding.total_variation()
    loss.backward()
    (parameter,) = encoding.parameters()
    assert parameter.grad is not None and parameter.grad.shape == parameter.shape


@given(st.integers(2, 9), st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_resampling_keeps_old_vertices_to_the_bit(old: int, factor: int) -> None:
    vertices = torch.randn(2, old, old, 3)
    new = (old - 1) * factor + 1
    finer = resample(vertices, (2, new, new, 3))
    assert torch.equal(finer[:, ::factor, ::factor], vertices)


@given(st.integers(2, 9), st.integers(2, 30))
@settings(max_examples=30, deadline=None)
def test_resampling_agrees_at_new_vertices(old: int, new: int) -> None:
    line = torch.linspace(-1, 3, old)[None, :, None]  # a linear function stays what it is
    assert_close(
        resample(line, (1, new, 1)), torch.linspace(-1, 3, new)[None, :, None], atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("encoding", encodings(), ids=repr)
def test_total_variation_falls_to_zero_when_minimized(encoding: Encoding) -> None:
    (parameter,) = encoding.parameters()
    optimizer = torch.optim.SGD([parameter], lr=parameter.numel() / 16)
    first = float(encoding.total_variation().detach())
    for _ in range(200):
        optimizer.zero_grad()
        encoding.total_variation().backward()
        optimizer.step()
    assert first > 1e-3 and float(encoding.total_variation().detach()) < 0.05 * first


@pytest.mark.parametrize("encoding", encodings(), ids=repr)
def test_parameter_alone_overfits_values(encoding: Encoding) -> None:
    # Four points in cells of their own.
    x = torch.tensor([0.1, 0.4, 0.7, 0.95])[:, None].expand(4, points(encoding).shape[1])
    target = torch.rand(4, encoding.out_dim)
    optimizer = torch.optim.Adam(encoding.parameters(), lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        loss = (encoding(x) - target).square().mean()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 1e-3


def test_sizes_that_no_memory_holds_are_refused_before_they_are_allocated() -> None:
    # 1024^3 vertices of 4096 channels of 4 bytes, four times over.
    with pytest.raises(ValueError, match="Voxel: .* takes 70,368,744,177,664 bytes with its grad"):
        Voxel(resolution=1024, channels=4096)
    with pytest.raises(ValueError, match="TriPlane: .* must fit the memory of [0-9,]+ bytes"):
        TriPlane(resolution=16384, channels=1 << 14)
    encoding = Voxel(2, resolution=4, channels=1 << 14)
    with pytest.raises(ValueError, match=r"Voxel.grow: .* lower resolution or fewer channels"):
        encoding.grow(32768)
    assert encoding.shape.resolution == (4, 4)


def test_growth_refuses_coarser_grids() -> None:
    with pytest.raises(ValueError, match=r"Voxel.grow: resolution must be from 5 to .*, got 4"):
        Voxel(2, resolution=5, channels=1).grow(4)
    with pytest.raises(ValueError, match=r"TriPlane.grow: resolution must be from 5 to .*, got 2"):
        TriPlane(resolution=5, channels=1).grow(2)
