"""The modulation benchmark: its peers compute what ours computes, its networks are as large."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from benchmarks import cam
from benchmarks.peers import cam_torch
from nfield.ops.modulated_layer import ModulatedLayerShape, modulated_layer


@pytest.mark.parametrize("peer", [cam_torch.fused_norm, cam_torch.written_out])
def test_peers_compute_the_layer(peer: cam_torch.Layer) -> None:
    torch.manual_seed(0)
    layer = (
        torch.randn(40, 12),
        torch.randn(16, 12),
        torch.randn(16),
        torch.rand(40, 1),
        torch.randn(40, 1),
    )
    want = modulated_layer(*layer, ModulatedLayerShape(12, 16))
    # Sums of 16 float32 terms, divided by a deviation of order one
    torch.testing.assert_close(peer(*layer), want, rtol=0, atol=1e-5)


def test_networks_without_grids_have_no_fewer_parameters() -> None:
    settings = cam.Settings(width=64, grid=16)
    sizes = {kind: cam.parameters(cam.build(kind, settings)) for kind in ("plain", "norm", "CAM")}
    # One unit more is 512 + 2 * 64 weights and some.
    assert sizes["CAM"] <= sizes["plain"] == sizes["norm"] < sizes["CAM"] + 1000


def test_published_sizes() -> None:
    assert cam.parameters(cam.build("CAM", cam.Settings())) == 269827


def test_text_is_sharp_and_fits_are_repeatable() -> None:
    settings = replace(cam.Settings(), size=32, steps=5, width=16, grid=4, layers=2)
    target = cam.colors(cam.text(32), (32, 32))
    assert target.shape == (1024, 3)
    assert float(target.min()) < 0.5 < float(target.max()) == 1
    assert cam.fit("CAM", target, 0, settings) == cam.fit("CAM", target, 0, settings)
