"""Dispatch: every instruction set this machine runs computes the same thing."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from nfield.ops.native import LARGE, empty, fma_peak, isa, threads

PROGRAM = """
import sys, numpy, torch
from nfield.ops.hash_grid import HashGridShape, hash_grid
from nfield.ops.mlp import MlpShape, mlp
from nfield.ops.modulated_layer import ModulatedLayerShape, modulated_layer
from nfield.ops.native import isa
torch.manual_seed(0)
grid, net = HashGridShape(3, 2, 6, 10, 4, 64), MlpShape(12, 5, 24, 2, "softplus", True)
x = torch.rand(999, 3, requires_grad=True)
table = torch.randn(grid.entries, 2, requires_grad=True)
weights = (torch.randn(net.parameters) * 0.2).requires_grad_()
y = mlp(hash_grid(x, table, grid), weights, net)
shape = ModulatedLayerShape(5, 12, norm="none", activation="none")
z = modulated_layer(y, weights[:60].view(12, 5), weights[60:72], x[:, :1], x[:, 1:2], shape)
y = torch.cat([y, z], 1)
y.square().sum().backward()
numpy.savez(sys.argv[1], isa=isa(), y=y.detach(), x=x.grad, table=table.grad, weights=weights.grad)
"""


@pytest.mark.parametrize("wanted", ["baseline", "v2", "v3", "v4", "amx"])
def test_instruction_sets_agree(wanted: str, tmp_path: object) -> None:
    results = []
    for name in (isa(), wanted):
        path = f"{tmp_path}/{name}.npz"
        environment = {**os.environ, "NFIELD_ISA": name}
        subprocess.run([sys.executable, "-c", PROGRAM, path], env=environment, check=True)
        results.append(np.load(path))
    best, other = results
    if str(other["isa"]) != wanted:
        # A machine without it falls back to the baseline.
        assert str(other["isa"]) == "baseline"
    for name in ("y", "x", "table", "weights"):
        # The same float32 sums in another order, of up to 999 terms.
        scale = float(np.abs(best[name]).max())
        assert np.abs(best[name] - other[name]).max() < 1e-5 * scale


def test_machine_is_described() -> None:
    known = ("baseline", "v2", "v3", "v4", "amx", "emulation")
    assert isa() in known and threads() >= 1 and fma_peak() > 0


def test_memory_is_kept_for_reuse_and_never_shared() -> None:
    # As many as no other test leaves behind: what is kept is given to whoever asks for its size.
    rows = 3 * LARGE + 1
    first = empty(rows, 2)
    first.fill_(1.0)
    address, view = first.data_ptr(), first[1:]
    del first
    second = empty(rows, 2).fill_(2.0)
    # A view keeps the memory of its tensor.
    assert second.data_ptr() != address and bool((view == 1).all())
    del view
    assert empty(rows, 2).data_ptr() == address
    assert empty(3, 0).shape == (3, 0) and empty(LARGE).dtype == torch.float32
