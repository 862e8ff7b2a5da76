"""Hash grid: layout, values and gradients against a float64 reference, refusals."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from nfield.ops.hash_grid import HashGridShape, hash_grid
from tests.ops.reference import on_threads, same_bits, with_gradients

PRIMES = (1, 2654435761, 805459861)


def reference(x: Tensor, table: Tensor, shape: HashGridShape) -> Tensor:
    """Eqs. 2-4 of arXiv:2201.05989, corner by corner; scales as the kernel's float32."""
    outputs = []
    for scale, resolution, offset, size, hashed in shape.layout:
        position = x * float(torch.tensor(scale, dtype=torch.float32)) + 0.5
        cell = position.detach().floor()
        fraction = position - cell
        total = 0
        for corner in itertools.product((0, 1), repeat=shape.in_dim):
            index = torch.zeros(len(x), dtype=torch.int64)
            weight = torch.ones(len(x), dtype=x.dtype)
            for axis, up in enumerate(corner):
                at = cell[:, axis].long() + up
                if hashed:
                    index ^= (at * PRIMES[axis]) % 2**32
                else:
                    index += at * resolution**axis
                weight = weight * (fraction[:, axis] if up else 1 - fraction[:, axis])
            total = total + weight[:, None] * table[offset + index % size]
        outputs.append(total)
    return torch.cat(outputs, 1)


def grid(in_dim: int, features: int, levels: int = 5, log2_table: int = 9) -> HashGridShape:
    return HashGridShape(in_dim, features, levels, log2_table, 4, 64)


def inputs(shape: HashGridShape, count: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(count)
    # Multiples of 2^-12 are exact in float32 and stay off the cells' borders at these scales.
    x = (torch.randint(1, 4095, (count, shape.in_dim), generator=generator) + 0.5) / 4096
    table = torch.randn(shape.entries, shape.features, generator=generator)
    return x, table, torch.randn(count, shape.out_dim, generator=generator)


@pytest.mark.parametrize("in_dim", [2, 3])
@pytest.mark.parametrize("features", [1, 2, 4, 8])
@pytest.mark.parametrize("count", [1, 37, 9000])
def test_values_and_gradients_match_reference(in_dim: int, features: int, count: int) -> None:
    shape = grid(in_dim, features)
    x, table, weight = inputs(shape, count)
    got = with_gradients(lambda x, t: hash_grid(x, t, shape), (x, table), weight)
    want = with_gradients(
        lambda x, t: reference(x, t, shape), (x.double(), table.double()), weight.double()
    )
    # Positions up to 64 round by 4e-6, weights and hence values by about that; slopes are 64 times
    # as large, and an entry's gradient sums up to count / 64 such terms.
    for tensor, exact, tolerance in zip(got, want, (5e-5, 5e-3, 5e-4), strict=True):
        assert_close(tensor.double(), exact, atol=tolerance, rtol=1e-4)


@given(st.integers(2, 3), st.integers(1, 8), st.integers(3, 12), st.integers(2, 40))
@settings(max_examples=40, deadline=None)
def test_no_point_reads_outside_its_level(
    in_dim: int, levels: int, log2_table: int, finest: int
) -> None:
    shape = HashGridShape(in_dim, 1, levels, log2_table, 2, max(2, finest))
    x = torch.tensor([[v] * in_dim for v in (0.0, 1.0, -3.0, 5.0, torch.nan, torch.inf, 0.5)])
    for row, (_, _, offset, size, _) in enumerate(shape.layout):
        table = torch.full((shape.entries, 1), torch.nan)
        table[offset : offset + size] = 1.0
        # Weights of a cell's corners sum to one: any NaN or other value betrays a foreign entry.
        assert_close(hash_grid(x, table, shape)[:, row], torch.ones(len(x)), atol=1e-6, rtol=0)


def test_points_outside_the_unit_cube_are_clamped_without_gradient() -> None:
    shape = grid(3, 2)
    _, table, _ = inputs(shape, 1)
    outside = torch.tensor([[-0.5, 0.3, 2.0]], requires_grad=True)
    y = hash_grid(outside, table, shape)
    assert torch.equal(y, hash_grid(torch.tensor([[0.0, 0.3, 1.0]]), table, shape))
    y.sum().backward()
    assert outside.grad is not None
    assert outside.grad[0, 0] == 0 and outside.grad[0, 2] == 0 and outside.grad[0, 1] != 0


def test_layout_is_that_of_instant_ngp() -> None:
    # 16 levels from 16 to 2048 in tables of 2^19: the entries that its configuration allocates.
    shape = HashGridShape(3, 2, 16, 19, 16, 2048)
    resolutions = [row[1] for row in shape.layout]
    assert resolutions[:6] == [16, 23, 31, 43, 59, 81]
    assert [row[4] for row in shape.layout] == [False] * 5 + [True] * 11
    assert shape.layout[0][3] == 4096 and shape.layout[1][3] == 12168
    assert shape.entries == sum(min(2**19, -(-(r**3) // 8) * 8) for r in resolutions)


@pytest.mark.parametrize("threads", [1, 3])
def test_bits_do_not_depend_on_threads(threads: int) -> None:
    shape = grid(3, 2, levels=8, log2_table=12)
    x, table, weight = inputs(shape, 20000)

    def compute() -> list[Tensor]:
        return with_gradients(lambda x, t: hash_grid(x, t, shape), (x, table), weight)

    assert same_bits(compute(), on_threads(threads, compute))


def test_strided_and_empty_inputs() -> None:
    shape = grid(2, 4)
    x, table, _ = inputs(shape, 12)
    assert torch.equal(hash_grid(x.T.contiguous().T, table, shape), hash_grid(x, table, shape))
    assert hash_grid(x[:0], table, shape).shape == (0, shape.out_dim)


# torch 2.13 warns of its own way of tracing autograd functions.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_compiles_without_graph_breaks() -> None:
    shape = grid(3, 2)
    x, table, _ = inputs(shape, 16)
    compiled = torch.compile(lambda x: hash_grid(x, table, shape), fullgraph=True, backend="eager")
    assert torch.equal(compiled(x), hash_grid(x, table, shape))


def test_second_derivative_raises() -> None:
    shape = grid(3, 2)
    x, table, _ = inputs(shape, 4)
    x.requires_grad_()
    (slope,) = torch.autograd.grad(hash_grid(x, table, shape).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="hash_grid: second derivatives are not supported"):
        slope.sum().backward()


def test_refusals_name_argument_and_value() -> None:
    shape = grid(3, 2)
    x, table, _ = inputs(shape, 4)
    with pytest.raises(ValueError, match=r"x must have shape \(any, 3\), got \(4, 2\)"):
        hash_grid(x[:, :2], table, shape)
    with pytest.raises(TypeError, match="x must be torch.float32, got torch.float64"):
        hash_grid(x.double(), table, shape)
    with pytest.raises(ValueError, match="features must be one of 1, 2, 4, 8, got 3"):
        HashGridShape(3, 3, 4, 9, 4, 64)
    with pytest.raises(ValueError, match="finest_resolution must be from 4 to"):
        HashGridShape(3, 2, 4, 9, 4, 3)
