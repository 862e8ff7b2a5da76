"""Modulated layer: values and gradients against a float64 reference, statistics, refusals."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from nfield.ops.modulated_layer import ACTIVATIONS, NORMS, ModulatedLayerShape, modulated_layer
from tests.ops.reference import on_threads, same_bits, with_gradients

GROUPED = ("ray", "instance")
Layer = tuple[Tensor, ...]


def normalized(z: Tensor, shape: ModulatedLayerShape) -> Tensor:
    if shape.norm == "none":
        return z
    axes = {"layer": (1, 2), "ray": (1, 2), "instance": (1,)}[shape.norm]
    units = z.view(-1, shape.group, shape.out_dim)
    mean = units.mean(axes, keepdim=True)
    variance = units.var(axes, correction=0, keepdim=True)
    return ((units - mean) / (variance + 1e-5).sqrt()).view_as(z)


def reference(
    x: Tensor, weight: Tensor, bias: Tensor, gamma: Tensor, beta: Tensor, shape: ModulatedLayerShape
) -> Tensor:
    y = gamma * normalized(x @ weight.T + bias, shape) + beta
    return torch.relu(y) if shape.activation == "relu" else y


def inputs(shape: ModulatedLayerShape, rows: int) -> tuple[Layer, Tensor]:
    generator = torch.Generator().manual_seed(rows)

    def normal(*sides: int) -> Tensor:
        return torch.randn(*sides, generator=generator)

    layer = (
        normal(rows, shape.in_dim),
        normal(shape.out_dim, shape.in_dim) * shape.in_dim**-0.5,
        normal(shape.out_dim),
        1 + 0.5 * normal(rows, shape.modulation),
        normal(rows, shape.modulation),
    )
    return layer, normal(rows, shape.out_dim)


def check(shape: ModulatedLayerShape, rows: int) -> None:
    layer, dy = inputs(shape, rows)
    got = with_gradients(lambda *layer: modulated_layer(*layer, shape), layer, dy)
    want = with_gradients(
        lambda *layer: reference(*layer, shape), [part.double() for part in layer], dy.double()
    )
    for name, tensor, exact in zip(("y", *"xwbgs"), got, want, strict=True):
        # The bias drops out of normalised channels: its gradient is the rounding of a sum of rows.
        vanishes = name == "b" and shape.norm == "instance"
        scale = float(rows**0.5) if vanishes else float(exact.abs().max()) + 1e-6
        # Sums of up to 256 products: a few 1e-6 of their size; where gamma n + beta is within
        # rounding of ReLU's corner one channel's share may be missing.
        outliers = ((tensor.double() - exact).abs() > 3e-5 * scale).double().mean()
        assert outliers < (1e-3 if shape.activation == "relu" else 1e-12), name


def group_of(norm: str, rows: int) -> int:
    return rows if norm in GROUPED else 1


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("norm", NORMS)
def test_values_and_gradients_match_reference(norm: str, each: bool, activation: str) -> None:
    shape = ModulatedLayerShape(256, 256, 256 if each else 1, norm, group_of(norm, 300), activation)
    check(shape, 600)


@given(
    st.integers(2, 90), st.integers(8, 90), st.integers(1, 5), st.integers(8, 110), st.booleans()
)
@settings(max_examples=30, deadline=None)
@pytest.mark.parametrize("norm", NORMS)
def test_any_sizes(norm: str, in_dim: int, out: int, groups: int, group: int, each: bool) -> None:
    shape = ModulatedLayerShape(in_dim, out, out if each else 1, norm, group_of(norm, group))
    check(shape, groups * group)


@pytest.mark.parametrize("norm", GROUPED)
def test_statistics_of_large_groups_far_from_zero(norm: str) -> None:
    # Several chunks, the last of them short; multiples of 1/64, so that z is exact in float32.
    shape = ModulatedLayerShape(4, 8, 1, norm, 777, "none")
    x = torch.randint(-20, 20, (1554, 4)) / 64
    weight, bias = torch.randint(1, 4, (8, 4)) / 4, torch.full((8,), 100.0)
    ones, zeros = torch.ones(len(x), 1), torch.zeros(len(x), 1)
    y = modulated_layer(x, weight, bias, ones, zeros, shape)
    z = x.double() @ weight.double().T + bias
    # A mean near 100 is rounded to 4e-6, some 1e-5 of a deviation; the difference of E[z^2] and
    # E[z]^2 would be wrong by a hundredth.
    assert_close(y.double(), normalized(z, shape), atol=1e-4, rtol=0)


@pytest.mark.parametrize("norm", ["layer", *GROUPED])
def test_units_have_mean_zero_and_variance_one(norm: str) -> None:
    shape = ModulatedLayerShape(16, 24, 1, norm, group_of(norm, 50), "none")
    x, weight, bias, _, _ = inputs(shape, 200)[0]
    n = modulated_layer(x, weight, bias, torch.ones(200, 1), torch.zeros(200, 1), shape)
    axes = (1,) if norm == "instance" else (1, 2)
    units = n.view(-1, shape.group, 24)
    mean, variance = units.mean(axes), units.var(axes, correction=0)
    assert_close(mean, torch.zeros_like(mean), atol=1e-6, rtol=0)  # float32 sums of up to 1200
    # 1e-5 is added to the variance of z, which is of order one.
    assert_close(variance, torch.ones_like(variance), atol=2e-4, rtol=0)


def test_norms_mix_only_what_they_name() -> None:
    rows = {"none": 1, "layer": 1, "ray": 10, "instance": 10}
    for norm, mixed in rows.items():
        shape = ModulatedLayerShape(8, 12, 1, norm, mixed, "none")
        layer, _ = inputs(shape, 40)
        moved = layer[0].clone()
        moved[25] += 1
        before, after = (modulated_layer(x, *layer[1:], shape) for x in (layer[0], moved))
        changed = (before != after).any(1).nonzero().ravel().tolist()
        assert changed == list(range(20, 30) if mixed == 10 else [25])


def test_constant_features_stay_finite() -> None:
    for norm in NORMS:
        shape = ModulatedLayerShape(3, 5, 1, norm, group_of(norm, 4))
        layer, dy = inputs(shape, 8)
        layer = (torch.ones(8, 3), torch.zeros(5, 3), torch.ones(5), *layer[3:])
        got = with_gradients(lambda *layer, s=shape: modulated_layer(*layer, s), layer, dy)
        assert all(bool(part.isfinite().all()) for part in got)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("threads", [1, 3])
def test_bits_do_not_depend_on_threads(norm: str, threads: int) -> None:
    shape = ModulatedLayerShape(20, 40, 1, norm, group_of(norm, 1000))
    layer, dy = inputs(shape, 4000)

    def compute() -> list[Tensor]:
        return with_gradients(lambda *layer: modulated_layer(*layer, shape), layer, dy)

    assert same_bits(compute(), on_threads(threads, compute))


@pytest.mark.parametrize("norm", NORMS)
def test_inference_equals_training_forward(norm: str) -> None:
    shape = ModulatedLayerShape(19, 33, 33, norm, group_of(norm, 7))
    layer, _ = inputs(shape, 133)
    plain = modulated_layer(*layer, shape)
    layer[1].requires_grad_()
    assert torch.equal(plain, modulated_layer(*layer, shape).detach())
    with torch.no_grad():
        assert torch.equal(plain, modulated_layer(*layer, shape))


@pytest.mark.parametrize("norm", NORMS)
def test_empty_input(norm: str) -> None:
    shape = ModulatedLayerShape(4, 3, 1, norm, group_of(norm, 2))
    layer, _ = inputs(shape, 0)
    assert modulated_layer(*layer, shape).shape == (0, 3)
    for part in layer:
        part.requires_grad_()
    modulated_layer(*layer, shape).sum().backward()
    assert layer[1].grad is not None and layer[1].grad.abs().sum() == 0


# torch 2.13 warns of its own way of tracing autograd functions.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_compiles_without_graph_breaks() -> None:
    shape = ModulatedLayerShape(4, 3)
    layer, dy = inputs(shape, 20)
    compiled = torch.compile(
        lambda *layer: modulated_layer(*layer, shape), fullgraph=True, backend="aot_eager"
    )
    want = with_gradients(lambda *layer: modulated_layer(*layer, shape), layer, dy)
    assert same_bits(with_gradients(compiled, layer, dy), want)


def test_second_derivative_raises() -> None:
    shape = ModulatedLayerShape(4, 3)
    layer, _ = inputs(shape, 5)
    x = layer[0].requires_grad_()
    (slope,) = torch.autograd.grad(modulated_layer(*layer, shape).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="modulated_layer: second derivatives are not supported"):
        slope.sum().backward()


def test_refusals_name_argument_and_value() -> None:
    with pytest.raises(ValueError, match="norm must be one of none, layer, ray, instance, got b"):
        ModulatedLayerShape(4, 3, norm="batch")
    with pytest.raises(ValueError, match="activation must be one of none, relu, got sine"):
        ModulatedLayerShape(4, 3, activation="sine")
    with pytest.raises(ValueError, match="modulation must be one of 1, 3, got 2"):
        ModulatedLayerShape(4, 3, 2)
    with pytest.raises(ValueError, match="group of norm layer must be one of 1, got 5"):
        ModulatedLayerShape(4, 3, group=5)
    with pytest.raises(ValueError, match="out_dim must be from 1 to 4096, got 0"):
        ModulatedLayerShape(4, 0)
    shape = ModulatedLayerShape(4, 3)
    x, weight, bias, gamma, beta = inputs(shape, 6)[0]
    with pytest.raises(ValueError, match=r"gamma must have shape \(6, 1\), got \(5, 1\)"):
        modulated_layer(x, weight, bias, gamma[1:], beta, shape)
    with pytest.raises(TypeError, match="weight must be torch.float32, got torch.float64"):
        modulated_layer(x, weight.double(), bias, gamma, beta, shape)
    ray = replace(shape, norm="ray", group=4)
    with pytest.raises(ValueError, match="rows must be a multiple of group 4, got 6"):
        modulated_layer(x, weight, bias, gamma, beta, ray)
