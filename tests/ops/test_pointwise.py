"""Output activations: values and gradients against float64, bits whatever the threads."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from nfield.ops.pointwise import exponential, logistic
from tests.ops.reference import on_threads, same_bits, with_gradients


@pytest.mark.parametrize("size", [0, 1, 17, 5000])
def test_values_and_gradients_match_reference(size: int) -> None:
    x, weight = torch.randn(size) * 5, torch.randn(size)
    pairs = (
        (lambda x: exponential(x, 4.0), lambda x: x.clamp(max=4.0).exp()),
        (logistic, torch.sigmoid),
    )
    for ours, exact in pairs:
        got = with_gradients(ours, (x,), weight)
        want = with_gradients(exact, (x.double(),), weight.double())
        for tensor, reference in zip(got, want, strict=True):
            # exp to 2 units in the last place; values near 1 resolve 6e-8, weights reach 4.
            assert_close(tensor.double(), reference, atol=5e-7, rtol=2e-6)


def test_extremes_are_finite() -> None:
    x = torch.tensor([-1e30, -100.0, 100.0, 1e30])
    assert_close(logistic(x), torch.tensor([0.0, 0.0, 1.0, 1.0]), atol=1e-30, rtol=0)
    y = exponential(x, 12.0)
    assert bool(y.isfinite().all()) and float(y[3]) == float(y[2])


def test_bits_do_not_depend_on_threads() -> None:
    x, weight = torch.randn(100_001), torch.randn(100_001)

    def compute() -> list[Tensor]:
        return with_gradients(lambda x: logistic(x) + exponential(x, 1.0), (x,), weight)

    assert same_bits(on_threads(1, compute), on_threads(3, compute))


def test_nan_stays_nan() -> None:
    x = torch.tensor([torch.nan, 0.0])
    for y in (logistic(x), exponential(x, 12.0)):
        assert y.isnan().tolist() == [True, False]


@pytest.mark.parametrize("function", [logistic, lambda x: exponential(x, 1.0)])
def test_second_derivative_raises(function: object) -> None:
    x = torch.randn(3, requires_grad=True)
    (slope,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)  # type: ignore[operator]
    with pytest.raises(RuntimeError, match="second derivatives are not supported"):
        slope.sum().backward()


def test_refusal_names_argument() -> None:
    with pytest.raises(TypeError, match="logistic: x must be torch.float32, got torch.float64"):
        logistic(torch.zeros(3, dtype=torch.float64))
