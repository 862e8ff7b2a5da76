"""The peers of planes, dense grids and low-rank tensors compute what ours computes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from benchmarks.peers import lowrank_torch
from benchmarks.peers.grids_torch import (
    GridSampled,
    GridSummed,
    PlanesSampled,
    PlanesSummed,
    bag,
    gather,
    planar,
)
from nfield.encodings.triplane import TriPlane
from nfield.encodings.voxel import Voxel
from nfield.ops.lowrank import cp, vm


def check(ours: nn.Module, peer: nn.Module, in_dim: int) -> None:
    x = torch.rand(200, in_dim)
    y, want = ours(x), peer(x)
    # Positions up to 10, rounded to float32, times slopes of order one.
    assert_close(want, y, atol=2e-5, rtol=0)
    upstream = torch.randn_like(y)
    (gradient,) = torch.autograd.grad(y, list(ours.parameters()), upstream)
    (exact,) = torch.autograd.grad(want, list(peer.parameters()), upstream)
    assert_close(exact.reshape(gradient.shape), gradient, atol=2e-4, rtol=0)  # sums of tens


@pytest.mark.parametrize("sampled", [PlanesSampled, lambda v: PlanesSampled(planar(v))])
def test_sampled_planes_equal_ours(sampled: Callable[[Tensor], nn.Module]) -> None:
    torch.manual_seed(0)
    ours = TriPlane(resolution=9, channels=5)
    check(ours, sampled(ours.planes.detach()), 3)


@pytest.mark.parametrize("sum_rows", [bag, gather])
def test_summed_planes_equal_ours(sum_rows: Callable[..., Tensor]) -> None:
    torch.manual_seed(0)
    ours = TriPlane(resolution=9, channels=5)
    check(ours, PlanesSummed(ours.planes.detach(), sum_rows), 3)


@pytest.mark.parametrize("in_dim", [2, 3])
def test_grids_equal_ours(in_dim: int) -> None:
    torch.manual_seed(0)
    ours = Voxel(in_dim, resolution=6, channels=3)
    vertices = ours.vertices.detach()
    for peer in (GridSampled(vertices), GridSampled(planar(vertices))):
        check(ours, peer, in_dim)
    for sum_rows in (bag, gather):
        check(ours, GridSummed(vertices, sum_rows), in_dim)


@pytest.mark.parametrize("kind", ["sampled", "bags", "gathered"])
def test_low_rank_tensors_equal_ours(kind: str) -> None:
    torch.manual_seed(0)
    x, planes, lines = torch.rand(200, 3), torch.randn(3, 7, 7, 4), torch.randn(3, 7, 4)
    peer = getattr(lowrank_torch, f"vm_{kind}")
    # Products of values of order one, at positions rounded to float32.
    assert_close(peer(x, planes, lines), vm(x, planes, lines), atol=1e-4, rtol=0)
    assert_close(getattr(lowrank_torch, f"cp_{kind}")(x, lines), cp(x, lines), atol=1e-4, rtol=0)
