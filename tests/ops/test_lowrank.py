"""Low-rank tensors: values and gradients against a float64 reference, bits, refusals."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from nfield.ops.lowrank import cp, vm
from tests.ops.reference import on_threads, same_bits, with_gradients

MODES = ((0, 1, 2), (0, 2, 1), (1, 2, 0))  # rows and columns of the plane, line


def split(x: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
    """Lower vertex and fraction of every coordinate; the cell is decided in float32."""
    clamped = x.clamp(0, 1)
    position = clamped * (resolution - 1)
    low = (clamped.detach().float() * (resolution - 1)).long().clamp(max=resolution - 2)
    return low, position - low


def line_at(line: Tensor, low: Tensor, fraction: Tensor) -> Tensor:
    return line[low] + fraction[:, None] * (line[low + 1] - line[low])


def plane_at(plane: Tensor, low: Tensor, fraction: Tensor) -> Tensor:
    (i, j), (u, v) = low.T, fraction.T[..., None]
    lower = plane[i, j] + v * (plane[i, j + 1] - plane[i, j])
    upper = plane[i + 1, j] + v * (plane[i + 1, j + 1] - plane[i + 1, j])
    return lower + u * (upper - lower)


def vm_reference(x: Tensor, planes: Tensor, lines: Tensor) -> Tensor:
    low, fraction = split(x, planes.shape[1])
    return torch.cat(
        [
            plane_at(planes[m], low[:, [a, b]], fraction[:, [a, b]])
            * line_at(lines[m], low[:, c], fraction[:, c])
            for m, (a, b, c) in enumerate(MODES)
        ],
        1,
    )


def cp_reference(x: Tensor, lines: Tensor) -> Tensor:
    low, fraction = split(x, lines.shape[1])
    first, second, third = (line_at(lines[m], low[:, 2 - m], fraction[:, 2 - m]) for m in range(3))
    return first * second * third


REFERENCES = {"vm": (vm, vm_reference), "cp": (cp, cp_reference)}


def inputs(kind: str, resolution: int, channels: int, count: int) -> list[Tensor]:
    """x, planes (of VM) and lines, upstream gradient."""
    generator = torch.Generator().manual_seed(count)
    # Between the multiples of 2^-12, so that no point lies on a border of the cells used here.
    x = (torch.randint(0, 4096, (count, 3), generator=generator) + 0.37) / 4096
    sizes = [(3, resolution, channels), (count, channels)]
    if kind == "vm":
        sizes = [(3, resolution, resolution, channels), sizes[0], (count, 3 * channels)]
    return [x, *(torch.randn(size, generator=generator) for size in sizes)]


@pytest.mark.parametrize("kind", ["vm", "cp"])
@pytest.mark.parametrize("channels", [1, 7, 16, 48])
@pytest.mark.parametrize(("resolution", "count"), [(2, 1), (5, 37), (40, 3000)])
def test_values_and_gradients_match_reference(
    kind: str, channels: int, resolution: int, count: int
) -> None:
    ours, reference = REFERENCES[kind]
    *operands, weight = inputs(kind, resolution, channels, count)
    got = with_gradients(ours, operands, weight)
    want = with_gradients(reference, [tensor.double() for tensor in operands], weight.double())
    # Relative to each tensor's largest value: a position up to 40 is rounded by 2e-6, and so are
    # the weights; a sum of up to 3000 products rounds by about as much.
    for tensor, exact in zip(got, want, strict=True):
        assert_close(tensor.double(), exact, atol=2e-5 * float(exact.abs().max()), rtol=0)


@given(st.sampled_from(["vm", "cp"]), st.integers(2, 70), st.integers(1, 35), st.integers(0, 300))
@settings(max_examples=40, deadline=None)
def test_any_size_matches_reference(kind: str, resolution: int, channels: int, count: int) -> None:
    ours, reference = REFERENCES[kind]
    *operands, weight = inputs(kind, resolution, channels, count)
    got = with_gradients(ours, operands, weight)
    want = with_gradients(reference, [tensor.double() for tensor in operands], weight.double())
    for tensor, exact in zip(got, want, strict=True):
        scale = float(exact.abs().max()) if exact.numel() else 0.0
        assert_close(tensor.double(), exact, atol=3e-5 * scale, rtol=0)  # as above


def test_features_do_not_depend_on_the_order_of_points() -> None:
    # Planes over 16 MB: points far from each other are sorted, those along a line are not.
    _, planes, lines, _ = inputs("vm", 128, 96, 1)
    x = torch.linspace(0, 1, 3000)[:, None].expand(-1, 3).contiguous()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    assert torch.equal(vm(x, planes, lines)[order], vm(x[order], planes, lines))


def test_rank_one_function_is_exact() -> None:
    # On vertices at multiples of 1/8 and values that are small whole numbers nothing rounds.
    resolution, channels = 9, 16
    a, b, c = (torch.randint(-4, 5, (resolution, channels)).float() for _ in range(3))
    planes, lines = torch.zeros(3, resolution, resolution, channels), torch.zeros(3, 9, channels)
    planes[0], lines[0] = a[:, None] * b[None], c
    x = torch.randint(0, 65, (200, 3)) / 64
    low, fraction = split(x, resolution)
    want = torch.ones(200, channels)
    for axis, line in enumerate((a, b, c)):
        want = want * line_at(line, low[:, axis], fraction[:, axis])
    got = vm(x, planes, lines)
    assert torch.equal(got[:, :channels], want)
    assert torch.equal(got[:, channels:], torch.zeros(200, 2 * channels))
    assert torch.equal(cp(x, torch.stack([c, b, a])), want)


@pytest.mark.parametrize("kind", ["vm", "cp"])
@pytest.mark.parametrize("threads", [1, 3])
def test_bits_do_not_depend_on_threads(kind: str, threads: int) -> None:
    ours, _ = REFERENCES[kind]
    *operands, weight = inputs(kind, 33, 20, 5000)

    def compute() -> list[Tensor]:
        return with_gradients(ours, operands, weight)

    assert same_bits(on_threads(2, compute), on_threads(threads, compute))


def test_no_point_reads_outside_the_tables() -> None:
    rows = [[v] * 3 for v in (0.0, 1.0, -3.0, 5.0, torch.nan, torch.inf, -torch.inf)]
    x, ones = torch.tensor(rows), torch.ones(3, 6, 4)
    # Weights sum to one: any other value betrays a foreign entry.
    assert_close(vm(x, torch.ones(3, 6, 6, 4), ones), torch.ones(7, 12), atol=1e-6, rtol=0)
    assert_close(cp(x, ones), torch.ones(7, 4), atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", ["vm", "cp"])
def test_points_outside_the_unit_cube_are_clamped_without_gradient(kind: str) -> None:
    ours, _ = REFERENCES[kind]
    _, *tables, _ = inputs(kind, 6, 5, 1)
    outside = torch.tensor([[-0.5, 0.3, 2.0]], requires_grad=True)
    y = ours(outside, *tables)
    assert torch.equal(y, ours(torch.tensor([[0.0, 0.3, 1.0]]), *tables))
    (slope,) = torch.autograd.grad(y.sum(), outside)
    assert slope[0, 0] == 0 and slope[0, 2] == 0 and slope[0, 1] != 0


@pytest.mark.parametrize("kind", ["vm", "cp"])
def test_only_wanted_gradients_are_given(kind: str) -> None:
    ours, _ = REFERENCES[kind]
    x, *tables, weight = inputs(kind, 6, 5, 9)
    tables[-1].requires_grad_()
    (ours(x, *tables) * weight).sum().backward()
    assert x.grad is None and tables[-1].grad is not None


@pytest.mark.parametrize("kind", ["vm", "cp"])
# torch 2.13 warns of its own way of tracing autograd functions.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_compiles_without_graph_breaks(kind: str) -> None:
    ours, _ = REFERENCES[kind]
    *operands, _ = inputs(kind, 6, 5, 9)
    compiled = torch.compile(ours, fullgraph=True, backend="eager")
    assert torch.equal(compiled(*operands), ours(*operands))


@pytest.mark.parametrize("kind", ["vm", "cp"])
def test_second_derivative_raises(kind: str) -> None:
    ours, _ = REFERENCES[kind]
    x, *tables, _ = inputs(kind, 6, 5, 9)
    x.requires_grad_()
    (slope,) = torch.autograd.grad(ours(x, *tables).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match=f"{kind}: second derivatives are not supported"):
        slope.sum().backward()


def test_refusals_name_argument_and_value() -> None:
    x, planes, lines, _ = inputs("vm", 6, 5, 4)
    with pytest.raises(ValueError, match=r"vm: x must have shape \(any, 3\), got \(4, 2\)"):
        vm(x[:, :2], planes, lines)
    with pytest.raises(ValueError, match=r"planes must have shape \(3, 6, 6, 5\), got"):
        vm(x, planes[:, :5], lines)
    with pytest.raises(TypeError, match=r"cp: lines must be torch.float32, got torch.float64"):
        cp(x, lines.double())
    with pytest.raises(ValueError, match="cp: resolution must be from 2 to 16384, got 1"):
        cp(x, lines[:, :1])
