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
    # Odd multiples of 2^-13 are exact in float32 and off the borders of cells; a fifth of them lie
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
    DenseGridShape((33, 50, 20), 16, (True, False, False)),
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


@given(
    st.lists(st.tuples(st.integers(2, 9), st.booleans()), min_size=1, max_size=3),
    st.integers(1, 35),
    st.integers(0, 40),
)
@settings(max_examples=40, deadline=None)
def test_any_sizes_match_reference(axes: list[tuple[int, bool]], channels: int, count: int) -> None:
    shape = DenseGridShape(tuple(r for r, _ in axes), channels, tuple(w for _, w in axes))
    x, table, weight = inputs(shape, count)
    got = with_gradients(lambda x, t: dense_grid(x, t, shape), (x, table), weight)
    want = with_gradients(
        lambda x, t: reference(x, t, shape), (x.double(), table.double()), weight.double()
    )
    # Positions up to 9 round by 5e-7; slopes sum up to 35 channels of 9 times that.
    for tensor, exact, tolerance in zip(got, want, (2e-5, 1e-3, 1e-4), strict=True):
        assert_close(tensor.double(), exact, atol=tolerance, rtol=1e-4)


@given(st.integers(1, 3), st.integers(2, 9), st.booleans())
@settings(max_examples=40, deadline=None)
def test_no_point_reads_outside_the_table(in_dim: int, resolution: int, wrap: bool) -> None:
    shape = DenseGridShape((resolution,) * in_dim, 1, (wrap,) * in_dim)
    values = (0.0, 1.0, -1e-9, -3.25, 1e9, -1e30, torch.nan, torch.inf, 1 - 2**-24)
    x = torch.tensor([[v] * in_dim for v in values])
    padded = torch.full((shape.entries + 128, 1), torch.nan)
    padded[64:-64] = 1.0
    # Weights sum to one: NaN or another value betrays a foreign entry.
    assert_close(dense_grid(x, padded[64:-64], shape), torch.ones(len(x), 1), atol=1e-6, rtol=0)


def test_vertices_are_reproduced_to_the_bit() -> None:
    shape = DenseGridShape((5, 4, 8), 3, (False, True, True))
    _, table, _ = inputs(shape, 1)
    steps = (torch.arange(5) / 4, torch.arange(4) / 4, torch.arange(8) / 8)
    x = torch.cartesian_prod(*steps)
    assert torch.equal(dense_grid(x, table, shape), table)


def test_wrapping_axes_are_continuous_across_the_seam() -> None:
    shape = DenseGridShape((6, 5), 2, (True, False))
    _, table, _ = inputs(shape, 1)
    x = torch.rand(50, 2)
    x[:25, 0] = 0.0
    x[25:, 0] = 1 - 2.0**-20
    turned = torch.stack([x[:, 0] + torch.randint(-3, 4, (50,)), x[:, 1]], 1)
    # Sums x + k round by 2^-22, positions by six times that.
    assert_close(dense_grid(turned, table, shape), dense_grid(x, table, shape), atol=1e-5, rtol=0)
    before, after = x.clone(), x.clone()
    before[:, 0], after[:, 0] = -(2.0**-20), 2.0**-20
    # A step of 2^-19 at a slope of at most 6 times a difference of vertices of up to 8.
    assert_close(
        dense_grid(before, table, shape), dense_grid(after, table, shape), atol=2e-4, rtol=0
    )


def test_points_outside_an_ordinary_axis_are_clamped_without_gradient() -> None:
    shape = DenseGridShape((4, 4), 3, (False, True))
    _, table, _ = inputs(shape, 1)
    outside = torch.tensor([[-0.5, 0.3], [2.0, -0.7]], requires_grad=True)
    y = dense_grid(outside, table, shape)
    inside = torch.tensor([[0.0, 0.3], [1.0, 0.3]])
    assert_close(y, dense_grid(inside, table, shape), atol=1e-5, rtol=0)
    (slope,) = torch.autograd.grad(y.sum(), outside)
    assert (slope[:, 0] == 0).all() and (slope[:, 1] != 0).all()


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    "shape",
    [
        DenseGridShape((40, 33), 2, (True, False)),
        DenseGridShape((20000,), 1, (True,)),
        DenseGridShape((12, 12, 12), 20),
    ],
    ids=str,
)
def test_bits_do_not_depend_on_threads(threads: int, shape: DenseGridShape) -> None:
    x, table, weight = inputs(shape, 20000)

    def compute() -> list[Tensor]:
        return with_gradients(lambda x, t: dense_grid(x, t, shape), (x, table), weight)

    assert same_bits(on_threads(2, compute), on_threads(threads, compute))


def test_strided_and_empty_inputs() -> None:
    shape = DenseGridShape((5, 6), 4)
    x, table, _ = inputs(shape, 12)
    assert torch.equal(dense_grid(x.T.contiguous().T, table, shape), dense_grid(x, table, shape))
    table.requires_grad_()
    empty = dense_grid(x[:0], table, shape)
    assert empty.shape == (0, 4)
    assert torch.equal(torch.autograd.grad(empty.sum(), table)[0], torch.zeros_like(table))


# torch 2.13 warns of its own way of tracing autograd functions.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_compiles_without_graph_breaks() -> None:
    shape = DenseGridShape((5, 6), 4)
    x, table, _ = inputs(shape, 16)
    compiled = torch.compile(lambda x: dense_grid(x, table, shape), fullgraph=True, backend="eager")
    assert torch.equal(compiled(x), dense_grid(x, table, shape))


def test_second_derivative_raises() -> None:
    shape = DenseGridShape((5,), 2)
    x, table, _ = inputs(shape, 4)
    x.requires_grad_()
    (slope,) = torch.autograd.grad(dense_grid(x, table, shape).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="dense_grid: second derivatives are not supported"):
        slope.sum().backward()


def test_refusals_name_argument_and_value() -> None:
    shape = DenseGridShape((5, 6), 4)
    x, table, _ = inputs(shape, 4)
    with pytest.raises(ValueError, match=r"x must have shape \(any, 2\), got \(4, 1\)"):
        dense_grid(x[:, :1], table, shape)
    with pytest.raises(ValueError, match=r"table must have shape \(30, 4\), got \(29, 4\)"):
        dense_grid(x, table[1:], shape)
    with pytest.raises(TypeError, match="x must be torch.float32, got torch.float64"):
        dense_grid(x.double(), table, shape)
    with pytest.raises(ValueError, match="number of axes must be one of 1, 2, 3, got 4"):
        DenseGridShape((2, 2, 2, 2), 1)
    with pytest.raises(ValueError, match="resolution must be from 2 to 16777216, got 1"):
        DenseGridShape((5, 1), 1)
    with pytest.raises(ValueError, match="channels must be from 1 to"):
        DenseGridShape((5,), 0)
    with pytest.raises(ValueError, match="number of vertices must be from 2 to 2147483647"):
        DenseGridShape((2048, 2048, 2048), 1)
    with pytest.raises(ValueError, match="one value for each of 2 axes, got 1"):
        DenseGridShape((5, 5), 1, (True,))
