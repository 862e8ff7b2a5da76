"""Fourier features: values and gradients against a float64 reference, range reduction, refusals."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from nfield.ops.fourier import fourier
from tests.ops.reference import on_threads, same_bits, with_gradients


def reference(x: Tensor, frequencies: Tensor) -> Tensor:
    angle = 2 * math.pi * x @ frequencies.T
    return torch.cat([angle.sin(), angle.cos()], dim=1)


def inputs(rows: int, dims: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(rows)
    x = torch.rand(rows, dims, generator=generator) * 2 - 1
    frequencies = torch.randn(count, dims, generator=generator)
    return x, frequencies, torch.randn(rows, 2 * count, generator=generator)


def check(rows: int, dims: int, count: int) -> None:
    x, frequencies, dy = inputs(rows, dims, count)
    got = with_gradients(fourier, (x, frequencies), dy)
    want = with_gradients(reference, (x.double(), frequencies.double()), dy.double())
    # Up to eight turns, rounded to float32 four times, are off by 1e-6 turns: 6e-6 in the angle.
    assert_close(got[0].double(), want[0], atol=6e-6, rtol=0)
    for gradient, exact in zip(got[1:], want[1:], strict=True):
        # Sums of at most some hundred terms that carry the values' error.
        scale = float(exact.abs().max()) + 1.0
        assert_close(gradient.double(), exact, atol=2e-5 * scale, rtol=0)


@given(st.integers(1, 600), st.integers(1, 4), st.integers(1, 70))
@settings(max_examples=60, deadline=None)
def test_values_and_gradients_match_reference(rows: int, dims: int, count: int) -> None:
    check(rows, dims, count)


def test_many_rows() -> None:
    check(20_000, 2, 33)
    check(20_000, 2, 64)  # over 8 MB of whole vectors: stores go past the caches


@pytest.mark.parametrize("turns", [2.0**15, 2.0**22])
def test_whole_turns_are_taken_off_exactly(turns: float) -> None:
    x = torch.rand(5000, 1, generator=torch.Generator().manual_seed(0)) * 2 - 1
    frequencies = torch.tensor([[turns], [turns / 3], [-turns / 5], [0.0]])
    # The product in float32 is what the angle is; nothing more may be lost.
    rounded = (x @ frequencies.T).double()
    want = torch.cat([(2 * math.pi * rounded).sin(), (2 * math.pi * rounded).cos()], dim=1)
    assert_close(fourier(x, frequencies).double(), want, atol=2.5e-7, rtol=0)


def test_quarter_turns_are_exact() -> None:
    x = torch.tensor([[0.0], [0.25], [0.5], [0.75], [1.0], [-0.25], [1e7]])
    want = torch.tensor(
        [[0.0, 1], [1, 0], [0, -1], [-1, 0], [0, 1], [-1, 0], [0, 1]], dtype=torch.float32
    )
    assert torch.equal(fourier(x, torch.ones(1, 1)).abs(), want.abs())
    assert torch.equal(fourier(x, torch.ones(1, 1)) + 0.0, want)


def test_nan_and_infinity_give_nan() -> None:
    y = fourier(torch.tensor([[math.nan], [math.inf], [0.5]]), torch.ones(3, 1))
    assert y[:2].isnan().all() and not y[2].isnan().any()


@pytest.mark.parametrize("threads", [1, 3])
def test_bits_do_not_depend_on_threads(threads: int) -> None:
    x, frequencies, dy = inputs(20_000, 3, 20)

    def compute() -> list[Tensor]:
        return with_gradients(fourier, (x, frequencies), dy)

    assert same_bits(compute(), on_threads(threads, compute))


def test_only_the_wanted_gradient_is_given() -> None:
    x, frequencies, dy = inputs(50, 2, 5)
    both = with_gradients(fourier, (x, frequencies), dy)
    for index in range(2):
        leaves = [x.clone(), frequencies.clone()]
        leaves[index].requires_grad_()
        (fourier(*leaves) * dy).sum().backward()
        gradient = leaves[index].grad
        assert gradient is not None and torch.equal(gradient, both[1 + index])
        assert leaves[1 - index].grad is None


def test_empty_input() -> None:
    frequencies = torch.ones(5, 2, requires_grad=True)
    y = fourier(torch.empty(0, 2), frequencies)
    assert y.shape == (0, 10)
    y.sum().backward()
    assert frequencies.grad is not None and not frequencies.grad.any()


# torch 2.13 warns of its own way of tracing autograd functions.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_compiles_without_graph_breaks() -> None:
    x, frequencies, _ = inputs(20, 2, 5)
    compiled = torch.compile(fourier, fullgraph=True, backend="eager")
    assert torch.equal(compiled(x, frequencies), fourier(x, frequencies))


def test_second_derivative_raises() -> None:
    x, frequencies, _ = inputs(5, 2, 3)
    x.requires_grad_()
    (slope,) = torch.autograd.grad(fourier(x, frequencies).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="fourier: second derivatives are not supported"):
        slope.sum().backward()


def test_refusals_name_argument_and_value() -> None:
    with pytest.raises(ValueError, match="dimensions must be from 1 to 4, got 5"):
        fourier(torch.rand(3, 5), torch.rand(2, 5))
    with pytest.raises(ValueError, match="number of frequencies must be from 1 to .*, got 0"):
        fourier(torch.rand(3, 2), torch.rand(0, 2))
    with pytest.raises(ValueError, match=r"x must have shape \(any, 2\), got \(3, 3\)"):
        fourier(torch.rand(3, 3), torch.rand(2, 2))
    with pytest.raises(TypeError, match=r"x must be torch.float32, got torch.float64"):
        fourier(torch.rand(3, 2).double(), torch.rand(2, 2))
