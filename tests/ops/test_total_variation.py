"""Total variation: value and gradient against a float64 reference, refusals."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from nfield.ops.total_variation import total_variation
from tests.ops.reference import on_threads, same_bits, with_gradients

ONE = torch.ones(())


def reference(vertices: Tensor) -> Tensor:
    axes = [axis for axis in range(1, vertices.dim() - 1) if vertices.shape[axis] > 1]
    roughness = [vertices.diff(dim=axis).square().mean() for axis in axes]
    return sum(roughness, torch.zeros((), dtype=vertices.dtype) * vertices.sum())


@given(st.integers(1, 3), st.lists(st.integers(1, 7), min_size=1, max_size=3), st.integers(1, 37))
@settings(max_examples=60, deadline=None)
def test_value_and_gradient_match_reference(grids: int, axes: list[int], channels: int) -> None:
    vertices = torch.randn(grids, *axes, channels)
    got = with_gradients(total_variation, [vertices], ONE)
    want = with_gradients(reference, [vertices.double()], ONE.double())
    # The value is about two per axis; no sum has more than 3 * 7^3 * 37 terms.
    for tensor, exact in zip(got, want, strict=True):
        assert_close(tensor.double(), exact, atol=1e-6, rtol=1e-5)


def test_long_rows_are_summed_exactly_enough() -> None:
    vertices = torch.rand(1, 200_000, 1)
    # Single precision throughout would lose 1e-4 of such a sum.
    assert_close(
        total_variation(vertices).double(), reference(vertices.double()), atol=0, rtol=1e-6
    )


def test_constant_grids_are_smooth_and_slopes_cost_their_square() -> None:
    assert total_variation(torch.full((2, 4, 5, 3), 0.3)) == 0
    slope = torch.arange(5.0)[None, :, None, None].expand(3, 5, 4, 2).contiguous()
    assert total_variation(slope) == 1


@pytest.mark.parametrize("threads", [1, 3])
def test_bits_do_not_depend_on_threads(threads: int) -> None:
    vertices = torch.randn(3, 30, 17, 9)

    def compute() -> list[Tensor]:
        return with_gradients(total_variation, [vertices], ONE)

    assert same_bits(on_threads(2, compute), on_threads(threads, compute))


def test_second_derivative_raises() -> None:
    vertices = torch.randn(1, 4, 2, requires_grad=True)
    (slope,) = torch.autograd.grad(total_variation(vertices), vertices, create_graph=True)
    with pytest.raises(RuntimeError, match="total_variation: second derivatives"):
        slope.sum().backward()


def test_refusals_name_argument_and_value() -> None:
    with pytest.raises(ValueError, match=r"must have 3 to 5 axes .*, got shape \(4, 2\)"):
        total_variation(torch.ones(4, 2))
    with pytest.raises(TypeError, match="vertices must be torch.float32, got torch.float64"):
        total_variation(torch.ones(1, 4, 2, dtype=torch.float64))
