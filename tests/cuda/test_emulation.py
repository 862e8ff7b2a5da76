"""The GPU's kernels on the CPU (NFIELD_ISA=emulation, `make emulation`): the order of threads.

That they compute what they should is tested by tests/ops, which run on any instruction set.
"""

from __future__ import annotations

import pytest
import torch

from nfield.ops.hash_grid import HashGridShape, hash_grid
from nfield.ops.native import isa, native
from tests.cuda.cases import cases, results
from tests.ops.reference import same_bits

pytestmark = pytest.mark.skipif(isa() != "emulation", reason="not built for emulation")
CASES = cases()


@pytest.mark.parametrize("name", CASES)
def test_order_of_threads_changes_sums_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[name]
    forward = results(case, "cpu")
    monkeypatch.setenv("NFIELD_EMULATION", "reverse")
    for got, want in zip(results(case, "cpu"), forward, strict=True):
        # Gradients of tables sum up to 700 terms in another order.
        scale = float(want.nan_to_num().abs().max()) + 1e-6
        torch.testing.assert_close(got / scale, want / scale, atol=2e-6, rtol=0, equal_nan=True)


@pytest.mark.parametrize(
    "name",
    [
        n
        for n in CASES
        if n.split()[0] in ("hash_grid", "dense_grid", "triplane", "vm", "cp", "fourier", "mlp")
    ],
)
def test_deterministic_sums_do_not_depend_on_the_order(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loose = results(CASES[name], "cpu")
    before = native.enter(native.Place(-1, 0, True))
    try:
        forward = results(CASES[name], "cpu")
        monkeypatch.setenv("NFIELD_EMULATION", "reverse")
        assert same_bits(results(CASES[name], "cpu"), forward)
    finally:
        native.enter(before)
    for got, want in zip(loose, forward, strict=True):
        scale = float(want.abs().max()) + 1e-6
        torch.testing.assert_close(got / scale, want / scale, atol=2e-6, rtol=0)


def test_deterministic_sums_carry_what_is_not_finite() -> None:
    shape = HashGridShape(3, 2, 2, 8, 4, 8)
    table = torch.zeros(shape.entries, 2, requires_grad=True)
    before = native.enter(native.Place(-1, 0, True))
    try:
        y = hash_grid(torch.rand(5, 3), table, shape)
        (gradient,) = torch.autograd.grad((y * torch.inf).sum(), table)
    finally:
        native.enter(before)
    assert bool(gradient.isnan().all())
