"""Every operation on the GPU beside the CPU: values and gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from nfield.ops.adam import adam_
from nfield.ops.hash_grid import HashGridShape, hash_grid
from nfield.ops.march import MarchSettings, march, pack_occupancy
from nfield.ops.visibility import visible
from tests.cuda.cases import cases, results

CASES = cases()
# Perceptrons multiply halves and sum in float32: 2^-11 of every factor.
TOLERANCE = {name: 4e-3 for name in CASES if name.split()[0] == "mlp"}
TOLERANCE["distortion"] = 1e-4  # differences of sums along a ray


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_the_cpus(name: str, gpu: torch.device) -> None:
    pairs = zip(results(CASES[name], gpu), results(CASES[name], "cpu"), strict=True)
    for got, want in pairs:
        # The same float32 sums in another order, of up to a thousand terms.
        scale = float(want.nan_to_num().abs().max()) + 1e-6
        assert_close(
            got / scale, want / scale, atol=TOLERANCE.get(name, 2e-5), rtol=0, equal_nan=True
        )


def test_march_and_visibility_are_the_cpus(gpu: torch.device) -> None:
    generator = torch.Generator().manual_seed(1)
    occupied = torch.rand(1, 16, 16, 16, generator=generator) < 0.3
    settings = MarchSettings((0.0, 0.0, 0.0), 1.0, 0.0, 0.05, 0.0, False, 256)
    origins = torch.randn(200, 3, generator=generator)
    origins = 3 * origins / origins.norm(dim=1, keepdim=True)
    directions = -origins / 3 + 0.1 * torch.randn(200, 3, generator=generator)
    directions = directions / directions.norm(dim=1, keepdim=True)
    jitter = torch.rand(200, generator=generator)
    found = []
    for device in (torch.device("cpu"), gpu):
        rays = (tensor.to(device) for tensor in (origins, directions, jitter))
        samples = march(*rays, pack_occupancy(occupied.to(device)), 16, settings)
        index, kept = visible(samples.offset, lambda i, s=samples: 0.5 * s.dt[i] + 0.4)
        found.append([t.cpu() for t in (samples.offset, samples.x, samples.t, index, kept)])
    # A sample on a cell's border may fall to either side: none does for these rays.
    for got, want in zip(found[1], found[0], strict=True):
        assert_close(got, want, atol=1e-5, rtol=1e-5)


def test_adam_is_the_cpus(gpu: torch.device) -> None:
    torch.manual_seed(2)
    start = [torch.randn(1001) for _ in range(3)]
    found = []
    for device in (torch.device("cpu"), gpu):
        p, g, m = (tensor.clone().to(device) for tensor in start)
        v = torch.zeros_like(p)
        for step in range(1, 4):
            adam_(p, g, m, v, step=step, lr=1e-2)
        found.append([tensor.cpu() for tensor in (p, m, v)])
    for got, want in zip(found[1], found[0], strict=True):
        assert_close(got, want, atol=1e-6, rtol=1e-5)


def test_deterministic_sums_repeat_to_the_bit(gpu: torch.device) -> None:
    shape = HashGridShape(3, 2, 4, 8, 4, 32)
    torch.manual_seed(3)
    x, table = torch.rand(20_000, 3, device=gpu), torch.randn(shape.entries, 2, device=gpu)
    torch.use_deterministic_algorithms(True)
    try:
        leaf = table.requires_grad_()
        first, second = (
            torch.autograd.grad(hash_grid(x, leaf, shape).square().sum(), leaf)[0] for _ in range(2)
        )
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(first, second) and math.isfinite(float(first.sum()))


def test_operand_on_another_device_is_refused(gpu: torch.device) -> None:
    shape = HashGridShape(3, 2, 4, 8, 4, 32)
    with pytest.raises(ValueError, match="table must be on cuda:0 like the first operand, got cpu"):
        hash_grid(torch.rand(5, 3, device=gpu), torch.randn(shape.entries, 2), shape)
    with pytest.raises(ValueError, match="table must be on cpu like the first operand, got cuda:0"):
        hash_grid(torch.rand(5, 3), torch.randn(shape.entries, 2, device=gpu), shape)
