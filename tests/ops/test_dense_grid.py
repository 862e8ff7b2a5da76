"""Dense grid: values and gradients against a float64 reference, the wrap, refusals."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from nfield.ops.dense_grid import DenseGridShape, dense_grid
from tests.ops.reference import on_threads, same_bits, with_gradients


def reference(x: Tensor, table: Tensor, shape: DenseGridShape) -> Tensor:
    """Corner by corner, on the table as a tensor of all its axes."""
    grid = table.reshape(*shape.resolution, shape.channels)
    low, high, fraction = [], [], []
    for axis, (vertices, wrap) in enumerate(zip(shape.resolution, shape.wrap, strict=True)):
        if wrap:
            position = torch.remainder(x[:, axis], 1) * vertices
            cell = position.detach().floor().long()
            low.append(cell % vertices)
            high.append((cell + 1) % vertices)
        else:
            position = x[:, axis].clamp(0, 1) * (vertices - 1)
            cell = position.detach().floor().long().clamp(max=vertices - 2)
            low.append(cell)
            high.append(cell + 1)
        fraction.append(position - cell)
    total: Tensor | int = 0
    for corner in itertools.product((0, 1), repeat=len(shape.resolution)):
        weight = torch.ones(len(x), dtype=x.dtype)
        for axis, up in enumerate(corner):
            weight = weight * (fraction[axis] if up else 1 - fraction[axis])
        index = tuple((low, high)[up][axis] for axis, up in enumerate(corner))
        total = total + weight[:, None] * grid[index]
    assert isinstance(total, Tensor)
    return total


def inputs(shape: DenseGridShape, count: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(count)
    # Odd multiples of 2^-13 are exact in float32 and off the borders of cells; a quarter of them lie
    # outside [0, 1], where ordinary axes clamp and wrapping ones go round.
    x = (
        torch.randint(-512, 4608, (count, len(shape.resolution)), generator=generator) + 0.5
    ) / 4096
    table = torch.randn(shape.entries, shape.channels, generator=generator)
    return x, table, torch.randn(count, shape.channels, generator=generator)


SHAPES = [
    DenseGridShape((5,), 1, (True,)),
    DenseGridShape((9000,), 3),
    DenseGridShape((2, 3), 2, (False, True)),
    DenseGridShape((33, 18), 28, (True, False)),
    DenseGridShape((2, 2, 2), 5, (True, True, True)),
    DenseGridShape((7, 12, 9), 16),
    DenseGridShape((17, 6, 5), 47, (False, False, True)),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("count", [1, 37, 5000])
def test_values_and_gradients_match_reference(shape: DenseGridShape, count: int) -> None:
    x, table, weight = inputs(shape, count)
    got = with_gradients(lambda x, t: dense_grid(x, t, shape), (x, table), weight)
    want = with_gradients(
        lambda x, t: reference(x, t, shape), (x.double(), table.double()), weight.double()
    )
    # Positions round by half of R * 2^-23, times a difference of vertices of up to 8; slopes are R
    # times that of values; an entry's gradient sums up to 5000 terms of about one.
    step = max(shape.resolution) * 2.0**-24
    tolerances = (8 * step + 2e-6, 1e-5 * max(shape.resolution), 8 * step + 5e-5)
    for tensor, exact, tolerance in zip(got, want, tolerances, strict=True):
        assert_close(tensor.double(), exact, atol=tolerance, rtol=1e-4)
