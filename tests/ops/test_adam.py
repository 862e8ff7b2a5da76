"""Adam: the algorithm's recursion in float64, and refusals."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from nfield.ops.adam import adam_


@pytest.mark.parametrize("size", [1, 15, 16, 40_001])
def test_follows_the_algorithm(size: int) -> None:
    generator = torch.Generator().manual_seed(size)
    p, m, v = torch.randn(size, generator=generator), torch.zeros(size), torch.zeros(size)
    exact = p.double()
    em = ev = torch.zeros(size, dtype=torch.float64)
    for step in range(1, 6):
        g = torch.randn(size, generator=generator)
        adam_(p, g, m, v, step=step, lr=0.01, betas=(0.9, 0.99), eps=1e-8)
        eg = g.double()
        em, ev = 0.9 * em + 0.1 * eg, 0.99 * ev + 0.01 * eg**2
        exact = exact - 0.01 * (em / (1 - 0.9**step)) / ((ev / (1 - 0.99**step)).sqrt() + 1e-8)
    # Five steps of size 0.01 each rounded to 1e-6 of themselves; betas are float32 constants.
    assert_close(p.double(), exact, atol=2e-6, rtol=1e-6)


def test_zero_gradient_moves_nothing_at_first() -> None:
    p, zero = torch.ones(7), torch.zeros(7)
    adam_(p, torch.zeros(7), zero.clone(), zero.clone(), step=1, lr=0.1)
    assert torch.equal(p, torch.ones(7))


def test_refusals_name_argument_and_value() -> None:
    p = torch.zeros(4, 4)
    with pytest.raises(ValueError, match="parameter must be contiguous"):
        adam_(p.T[:, :2], p[:, :2], p, p, step=1, lr=0.1)
    with pytest.raises(ValueError, match=r"gradient must have shape \(4, 4\), got \(4, 3\)"):
        adam_(p, p[:, :3], p.clone(), p.clone(), step=1, lr=0.1)
