"""VM and CP: start, regularisers, growth, separable functions, sizes that are refused."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from nfield.encodings.lowrank import CP, VM

ENCODINGS = (VM, CP)


def vertices(resolution: int) -> Tensor:
    axis = torch.arange(resolution) / (resolution - 1)
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).view(-1, 3)


def test_sizes_and_start() -> None:
    torch.manual_seed(0)
    encoding = VM(resolution=64, channels=16)
    assert encoding.out_dim == 48
    assert encoding(torch.rand(5, 3)).shape == (5, 48)
    assert CP(resolution=8, channels=12).out_dim == 12
    # Of 196608 and 3072 values: four standard errors of a deviation, 0.1 / sqrt(2 n).
    assert abs(float(encoding.planes.detach().std()) - 0.1) < 6.4e-4
    assert abs(float(encoding.lines.detach().std()) - 0.1) < 5.2e-3
    assert repr(encoding) == "VM(resolution=64, channels=16)"


def test_a_separable_function_is_fitted_by_one_component() -> None:
    # The values at the vertices are those of sin(x) exp(y) (1 + z): exact there up to rounding.
    axis = torch.arange(17) / 16
    factors = (axis.sin(), axis.exp(), 1 + axis)
    encodings = (VM(resolution=17, channels=1), CP(resolution=17, channels=1))
    with torch.no_grad():
        encodings[0].planes[0, :, :, 0] = factors[0][:, None] * factors[1]
        encodings[0].lines[0, :, 0] = factors[2]
        encodings[1].lines[:, :, 0] = torch.stack(factors[::-1])
    x = vertices(17)
    want = x[:, 0].sin() * x[:, 1].exp() * (1 + x[:, 2])
    for encoding in encodings:
        assert_close(encoding(x)[:, 0].detach(), want, atol=2e-6, rtol=0)


@given(st.sampled_from(ENCODINGS), st.integers(2, 9), st.integers(1, 4), st.integers(1, 20))
@settings(max_examples=30, deadline=None)
def test_growing_keeps_the_function_where_vertices_are_kept(
    kind: type[VM] | type[CP], resolution: int, factor: int, channels: int
) -> None:
    encoding = kind(resolution=resolution, channels=channels)
    at_vertices, anywhere = vertices(resolution), torch.rand(50, 3)
    before = [encoding(x).detach() for x in (at_vertices, anywhere)]
    encoding.grow((resolution - 1) * factor + 1)
    assert encoding.lines.shape[1] == (resolution - 1) * factor + 1
    # Nested grids carry the same function: only positions and blends round, at values below 1.
    for x, want in zip((at_vertices, anywhere), before, strict=True):
        assert_close(encoding(x).detach(), want, atol=2e-5, rtol=0)


@pytest.mark.parametrize("kind", ENCODINGS)
def test_growing_drops_gradients_and_refuses_to_shrink(kind: type[VM] | type[CP]) -> None:
    encoding = kind(resolution=9, channels=4)
    encoding(torch.rand(10, 3)).sum().backward()
    encoding.grow(12)
    assert all(parameter.grad is None for parameter in encoding.parameters())
    encoding(torch.rand(10, 3)).sum().backward()
    assert encoding.lines.grad is not None and encoding.lines.grad.shape == (3, 12, 4)
    with pytest.raises(ValueError, match=f"{kind.__name__}.grow: resolution must be from 12 to"):
        encoding.grow(11)


def test_regularisers() -> None:
    vm, cp = VM(resolution=5, channels=3), CP(resolution=5, channels=3)
    want = vm.planes.detach().double().abs().mean() + vm.lines.detach().double().abs().mean()
    assert_close(vm.sparsity().detach().double(), want, atol=1e-7, rtol=1e-6)
    assert_close(cp.sparsity().detach(), cp.lines.detach().abs().mean())
    vm.sparsity().backward()
    assert_close(vm.planes.grad, vm.planes.detach().sign() / vm.planes.numel())
    planes = vm.planes.detach().double()
    rough = sum(planes.diff(dim=axis).square().mean() for axis in (1, 2))
    assert_close(vm.total_variation().detach().double(), rough, atol=1e-7, rtol=1e-5)
    lines = cp.lines.detach().double()
    want = lines.diff(dim=1).square().mean()
    assert_close(cp.total_variation().detach().double(), want, atol=1e-7, rtol=1e-5)


def test_refusals_say_the_bytes_before_anything_is_allocated() -> None:
    # 3 * 16384^2 * 65536 values, four times four bytes each: 844 TB.
    with pytest.raises(ValueError, match="VM: .* takes 844,424,930,131,968 bytes"):
        VM(resolution=1 << 14, channels=1 << 16)
    with pytest.raises(ValueError, match="VM.grow: .* bytes"):
        VM(resolution=2, channels=1 << 12).grow(1 << 14)
    with pytest.raises(ValueError, match="VM: resolution must be from 2 to 16384, got 1"):
        VM(resolution=1, channels=4)
    with pytest.raises(ValueError, match="CP: channels must be from 1 to 65536, got 0"):
        CP(resolution=4, channels=0)
