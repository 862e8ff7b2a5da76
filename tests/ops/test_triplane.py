"""Tri-plane: values and gradients against a float64 reference, refusals."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close

from nfield.ops.triplane import TriplaneShape, triplane
from tests.ops.reference import on_threads, same_bits, with_gradients


def reference(x: Tensor, planes: Tensor) -> Tensor:
    """The sum of PyTorch's own bilinear samples; it takes a plane's second coordinate first."""
    total = torch.zeros(len(x), planes.shape[-1], dtype=x.dtype)
    for plane, axes in zip(planes, ((1, 0), (2, 0), (2, 1)), strict=True):
        at = x[:, axes].clamp(0, 1)[None, None] * 2 - 1
        image = plane.movedim(-1, 0)[None]
        total = total + functional.grid_sample(image, at, align_corners=True)[0, :, 0].T
    return total


def inputs(shape: TriplaneShape, count: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(count)
    # Off the borders of cells and of the unit cube, outside which an eighth of them lie.
    x = (torch.randint(-256, 4352, (count, 3), generator=generator) + 0.5) / 4096
    planes = torch.randn(shape.planes, generator=generator)
    return x, planes, torch.randn(count, shape.channels, generator=generator)


@given(st.integers(2, 40), st.integers(1, 70), st.integers(0, 300))
@settings(max_examples=40, deadline=None)
def test_values_and_gradients_match_reference(resolution: int, channels: int, count: int) -> None:
    shape = TriplaneShape(resolution, channels)
    x, planes, weight = inputs(shape, count)
    got = with_gradients(lambda x, p: triplane(x, p, shape), (x, planes), weight)
    want = with_gradients(reference, (x.double(), planes.double()), weight.double())
    # Positions up to 40 round by 2e-6, values of three planes by a few times that; slopes are 40
    # times as large and sum 70 channels; a vertex sums at most 300 gradients.
    for tensor, exact, tolerance in zip(got, want, (5e-5, 1e-2, 3e-4), strict=True):
        assert_close(tensor.double(), exact, atol=tolerance, rtol=1e-4)


def test_many_points_in_large_planes_match_reference() -> None:
    # Features over 8 MB: stores go past the caches.
    shape = TriplaneShape(96, 16)
    x, planes, weight = inputs(shape, 140_001)
    got = with_gradients(lambda x, p: triplane(x, p, shape), (x, planes), weight)
    want = with_gradients(reference, (x.double(), planes.double()), weight.double())
    # As above; slopes are 96 times as large, and vertices sum some ten thousand gradients at the
    # corners of the cube.
    for tensor, exact, tolerance in zip(got, want, (1e-4, 2e-2, 1e-2), strict=True):
        assert_close(tensor.double(), exact, atol=tolerance, rtol=1e-4)


def test_sorted_points_give_what_few_points_give() -> None:
    # Planes over 16 MB: 5000 points are sorted, 2500 are not.
    shape = TriplaneShape(256, 32)
    x, planes, weight = inputs(shape, 5000)
    x.requires_grad_()
    halves = [(x[part], weight[part]) for part in (slice(2500), slice(2500, None))]
    y = triplane(x, planes, shape)
    assert torch.equal(y, torch.cat([triplane(part, planes, shape) for part, _ in halves]))
    (dx,) = torch.autograd.grad(y, x, weight)
    slopes = [
        torch.autograd.grad(triplane(part, planes, shape), part, up)[0] for part, up in halves
    ]
    assert torch.equal(dx, torch.cat(slopes))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("size", [(48, 24), (96, 16)])
def test_bits_do_not_depend_on_threads(size: tuple[int, int], threads: int) -> None:
    shape = TriplaneShape(*size)
    x, planes, weight = inputs(shape, 20000)

    def compute() -> list[Tensor]:
        return with_gradients(lambda x, p: triplane(x, p, shape), (x, planes), weight)

    assert same_bits(on_threads(2, compute), on_threads(threads, compute))


def test_points_at_vertices_read_them() -> None:
    shape = TriplaneShape(5, 2)
    planes = inputs(shape, 1)[1]
    i, j, k = torch.randint(0, 5, (3, 20))
    want = planes[0, i, j] + planes[1, i, k] + planes[2, j, k]
    # Three summands of the size of one, in another order.
    assert_close(triplane(torch.stack([i, j, k], 1) / 4, planes, shape), want, atol=1e-6, rtol=0)


def test_points_that_are_no_numbers_read_vertices() -> None:
    shape = TriplaneShape(4, 1)
    x = torch.tensor([[torch.nan] * 3, [torch.inf] * 3, [-1e30] * 3, [1.0] * 3])
    assert_close(triplane(x, torch.ones(shape.planes), shape), torch.full((4, 1), 3.0))


# torch 2.13 warns of its own way of tracing autograd functions.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_compiles_without_graph_breaks() -> None:
    shape = TriplaneShape(5, 4)
    x, planes, _ = inputs(shape, 16)
    compiled = torch.compile(lambda x: triplane(x, planes, shape), fullgraph=True, backend="eager")
    assert torch.equal(compiled(x), triplane(x, planes, shape))


def test_second_derivative_raises() -> None:
    shape = TriplaneShape(4, 2)
    x, planes, _ = inputs(shape, 4)
    x.requires_grad_()
    (slope,) = torch.autograd.grad(triplane(x, planes, shape).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="triplane: second derivatives are not supported"):
        slope.sum().backward()


def test_refusals_name_argument_and_value() -> None:
    shape = TriplaneShape(5, 4)
    x, planes, _ = inputs(shape, 4)
    with pytest.raises(ValueError, match=r"x must have shape \(any, 3\), got \(4, 2\)"):
        triplane(x[:, :2], planes, shape)
    with pytest.raises(ValueError, match=r"planes must have shape \(3, 5, 5, 4\), got"):
        triplane(x, planes[:2], shape)
    with pytest.raises(TypeError, match="planes must be torch.float32, got torch.float16"):
        triplane(x, planes.half(), shape)
    with pytest.raises(ValueError, match="resolution must be from 2 to 16384, got 1"):
        TriplaneShape(1, 4)
    with pytest.raises(ValueError, match="channels must be from 1 to"):
        TriplaneShape(5, 0)
