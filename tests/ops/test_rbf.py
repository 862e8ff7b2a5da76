"""Gaussian radial basis functions: values and gradients against a float64 reference, refusals."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from nfield.ops.rbf import rbf
from tests.ops.reference import on_threads, same_bits, with_gradients


def reference(
    x: Tensor, centers: Tensor, log_scales: Tensor, weights: Tensor, bias: Tensor
) -> Tensor:
    distance = ((x[:, None] - centers).square() * log_scales.exp()).sum(-1)
    return (-0.5 * distance).exp() @ weights.T + bias


def inputs(rows: int, in_dim: int, kernels: int, out_dim: int) -> tuple[list[Tensor], Tensor]:
    """Operands whose squared distances are about 2 whatever the dimension, and dy."""
    generator = torch.Generator().manual_seed(rows)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    log_scales = 0.3 * normal(kernels, in_dim) - torch.tensor(float(in_dim)).log()
    operands = [normal(rows, in_dim), normal(kernels, in_dim), log_scales]
    return [*operands, normal(out_dim, kernels), normal(out_dim)], normal(rows, out_dim)


def check(rows: int, in_dim: int, kernels: int, out_dim: int) -> None:
    operands, dy = inputs(rows, in_dim, kernels, out_dim)
    exact = [operand.double() for operand in operands]
    got = with_gradients(rbf, operands, dy)
    want = with_gradients(reference, exact, dy.double())
    for tensor, value in zip(got, want, strict=True):
        # Sums of up to some hundred float32 products of order one, and exp to 2 ulp.
        assert_close(tensor.double(), value, rtol=0, atol=1e-5 * float(value.abs().max() + 1))


@pytest.mark.parametrize(
    ("in_dim", "kernels", "out_dim"), [(32, 64, 4), (18, 32, 49), (1, 1, 1), (3, 100, 20)]
)
def test_values_and_gradients_match_reference(in_dim: int, kernels: int, out_dim: int) -> None:
    check(300, in_dim, kernels, out_dim)


@given(st.integers(1, 200), st.integers(1, 40), st.integers(1, 70), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_any_sizes(rows: int, in_dim: int, kernels: int, out_dim: int) -> None:
    check(rows, in_dim, kernels, out_dim)


def test_largest_sizes() -> None:
    check(3, 1024, 1024, 1024)


def test_feature_on_a_center_far_from_the_origin() -> None:
    # Widths of 0.1 at a distance of 100: the expanded square would be a difference of two numbers
    # of 1e6 and lose all of it.
    centers = 100 + torch.rand(5, 8)
    operands = [centers.clone(), centers, torch.full((5, 8), 4.6), torch.eye(5), torch.zeros(5)]
    y, dx, *gradients = with_gradients(rbf, operands, torch.eye(5))
    # Products of 100 and 10 in float32 are off by 6e-5, and so is each of 8 differences.
    assert_close(y.diagonal(), torch.ones(5), rtol=0, atol=8 * 6e-5**2 + 1e-6)
    # Each row's upstream gradient asks for the kernel it sits on alone: there the slope is 0.
    assert not dx.any()
    assert not gradients[0].any()
    assert not gradients[1].any()


def test_feature_near_a_center_far_from_the_origin() -> None:
    operands, dy = inputs(200, 8, 1, 3)
    operands[1] = torch.full((1, 8), 100.0)
    operands[0] = operands[1] + 0.1 * operands[0]
    operands[2] = torch.full((1, 8), 2.6)
    got = with_gradients(rbf, operands, dy)
    want = with_gradients(reference, [operand.double() for operand in operands], dy.double())
    for tensor, value in zip(got, want, strict=True):
        # Differences of order one are off by 2e-5: products of 100 and 3.7 in float32.
        assert_close(tensor.double(), value, rtol=0, atol=2e-4 * float(value.abs().max()))


def test_far_features_leave_the_bias() -> None:
    operands, dy = inputs(70, 4, 9, 3)
    operands[0] = operands[0].sign() * 1e4
    y, *gradients, dbias = with_gradients(rbf, operands, dy)
    assert torch.equal(y, operands[4].expand(70, 3))
    for gradient in gradients:
        # exp is clamped at 1.6e-38, and the square of the distance is 1e8.
        assert float(gradient.abs().max()) < 1e-25
    assert_close(dbias, dy.sum(0))


def test_nan_stays_in_its_row() -> None:
    operands, _ = inputs(10, 4, 9, 3)
    operands[0][3, 1] = torch.nan
    y = rbf(*operands)
    assert y[3].isnan().all()
    assert not y[torch.arange(10) != 3].isnan().any()


@pytest.mark.parametrize("threads", [1, 3])
def test_bits_do_not_depend_on_threads(threads: int) -> None:
    operands, dy = inputs(5000, 18, 32, 7)

    def compute() -> list[Tensor]:
        return with_gradients(rbf, operands, dy)

    assert same_bits(compute(), on_threads(threads, compute))


def test_rows_do_not_depend_on_each_other() -> None:
    operands, _ = inputs(133, 19, 24, 3)
    x, *parameters = operands
    assert torch.equal(rbf(x, *parameters)[70:], rbf(x[70:], *parameters))


def test_empty_input() -> None:
    operands, dy = inputs(0, 4, 8, 3)
    y, dx, *gradients = with_gradients(rbf, operands, dy)
    assert y.shape == (0, 3)
    assert dx.shape == (0, 4)
    assert not any(gradient.any() for gradient in gradients)


# torch 2.13 warns of its own way of tracing autograd functions.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_compiles_without_graph_breaks() -> None:
    operands, dy = inputs(20, 4, 8, 3)
    compiled = torch.compile(rbf, fullgraph=True, backend="eager")
    assert same_bits(with_gradients(compiled, operands, dy), with_gradients(rbf, operands, dy))


def test_second_derivative_raises() -> None:
    operands, _ = inputs(5, 4, 8, 3)
    operands[0].requires_grad_()
    (slope,) = torch.autograd.grad(rbf(*operands).sum(), operands[0], create_graph=True)
    with pytest.raises(RuntimeError, match="rbf: second derivatives are not supported"):
        slope.sum().backward()


def test_refusals_name_argument_and_value() -> None:
    x, centers, log_scales, weights, bias = inputs(5, 4, 8, 3)[0]
    with pytest.raises(ValueError, match=r"rbf: x must have shape \(any, 4\), got \(5, 3\)"):
        rbf(x[:, :3], centers, log_scales, weights, bias)
    with pytest.raises(ValueError, match=r"log_scales must have shape \(8, 4\), got \(7, 4\)"):
        rbf(x, centers, log_scales[:7], weights, bias)
    with pytest.raises(ValueError, match=r"weights must have shape \(any, 8\), got \(8, 3\)"):
        rbf(x, centers, log_scales, weights.T, bias)
    with pytest.raises(ValueError, match=r"bias must have shape \(3\), got \(2,\)"):
        rbf(x, centers, log_scales, weights, bias[:2])
    with pytest.raises(TypeError, match=r"x must be torch.float32, got torch.float64"):
        rbf(x.double(), centers, log_scales, weights, bias)
    many = torch.zeros(1025, 4)
    with pytest.raises(ValueError, match="RBF: kernels must be from 1 to 1024, got 1025"):
        rbf(x, many, many, torch.zeros(3, 1025), bias)
