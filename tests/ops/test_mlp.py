"""Fused perceptron: values and gradients against a float64 reference, refusals."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from nfield.ops.mlp import ACTIVATIONS, MlpShape, mlp
from nfield.ops.native import isa
from tests.ops.reference import half, on_threads, same_bits, with_gradients

ACTIVATE = {
    "none": lambda z: z,
    "relu": torch.relu,
    "softplus": torch.nn.functional.softplus,
    "sine": torch.sin,
}
OMEGA = {"finer": (1.5, 0.75)}  # of the first layer, of the others: errors grow little in eight

# Where products are of halves, so are the reference's; but sums that differ in the last bits of
# float32 round to the neighbouring half now and then, and upstream gradients and slopes are halves
# in the kernel alone: 2^-11 of a term, in each of up to nine layers.
TOLERANCE = {"y": 1e-3, "x": 4e-3, "w": 4e-3}


def finer(z: Tensor, omega: float) -> Tensor:
    return torch.sin(omega * (z.detach().abs() + 1) * z)


def halves(shape: MlpShape) -> bool:
    """Whether the products are of halves: in the GPU's fused kernels, here on the CPU."""
    return isa() == "emulation" and shape.fused


def reference(x: Tensor, weights: Tensor, shape: MlpShape) -> Tensor:
    start = 0
    for index, (out, in_) in enumerate(shape.layers):
        weight = weights[start : start + out * in_].view(out, in_)
        if halves(shape) and (index or in_ > 5):  # up to 5 inputs are split into two halves each
            x, weight = half(x), half(weight)
        x = x @ weight.T
        start += out * in_
        if shape.bias:
            x = x + weights[start : start + out]
            start += out
        if index < shape.hidden and shape.activation == "finer":
            x = finer(x, shape.omega_hidden if index else shape.omega_first)
        elif index < shape.hidden:
            x = ACTIVATE[shape.activation](x)
    return x


def inputs(shape: MlpShape, rows: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(rows)
    x = torch.randn(rows, shape.in_dim, generator=generator)
    scale = max(shape.in_dim, shape.width) ** -0.5
    weights = torch.randn(shape.parameters, generator=generator) * scale
    return x, weights, torch.randn(rows, shape.out_dim, generator=generator)


def check(shape: MlpShape, rows: int) -> None:
    x, weights, dy = inputs(shape, rows)
    got = with_gradients(lambda x, w: mlp(x, w, shape), (x, weights), dy)
    want = with_gradients(
        lambda x, w: reference(x, w, shape), (x.double(), weights.double()), dy.double()
    )
    for name, tensor, exact in zip(("y", "x", "w"), got, want, strict=True):
        # Sums of up to 256 products of order one, over nine layers: a few 1e-6 of their size; a
        # row whose unit sits within rounding of ReLU's corner may differ by one unit's share.
        scale = float(exact.abs().max()) + 1e-6
        allowed = TOLERANCE[name] if halves(shape) else 3e-5
        outliers = ((tensor.double() - exact).abs() > allowed * scale).double().mean()
        assert outliers < (1e-3 if shape.activation == "relu" else 1e-12), name


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("hidden", [0, 1, 2, 8])
def test_values_and_gradients_match_reference(activation: str, bias: bool, hidden: int) -> None:
    check(MlpShape(32, 16, 64, hidden, activation, bias, *OMEGA.get(activation, ())), 300)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("rows", [192, 500])
def test_wide_layers_match_reference(activation: str, rows: int) -> None:
    # A whole tile, and two with a rest; hidden layers are kept for the gradient.
    shape = MlpShape(5, 3, 144, 3, activation, True, *OMEGA.get(activation, ()))
    assert shape.keeps(rows)
    check(shape, rows)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_kept_and_recomputed_layers_give_the_same_bits(
    activation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = MlpShape(20, 16, 128, 2, activation, True, *OMEGA.get(activation, ()))
    x, weights, dy = inputs(shape, 1000)

    def compute() -> list[Tensor]:
        return with_gradients(lambda x, w: mlp(x, w, shape), (x, weights), dy)

    kept = compute()
    monkeypatch.setattr("nfield.ops.mlp.MOST_KEPT", 1000)
    assert not shape.keeps(1000)
    assert same_bits(kept, compute())


@given(
    st.integers(1, 70),
    st.integers(1, 40),
    st.integers(1, 12).map(lambda k: 8 * k),
    st.integers(0, 3),
    st.integers(1, 300),
    st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_any_sizes(in_dim: int, out: int, width: int, hidden: int, rows: int, bias: bool) -> None:
    check(MlpShape(in_dim, out, width, hidden, "softplus", bias), rows)


def test_extreme_pre_activations_stay_finite() -> None:
    shape = MlpShape(1, 1, 8, 1, "softplus", False)
    weights = torch.ones(shape.parameters)
    x = torch.tensor([[-200.0], [-20.0], [0.0], [20.0], [200.0]])
    want = 8 * torch.nn.functional.softplus(x.double())
    # exp and log are good to 2 units in the last place each.
    assert_close(mlp(x, weights, shape).double(), want, atol=1e-30, rtol=1e-6)


def test_sine_is_accurate_for_large_arguments() -> None:
    shape = MlpShape(1, 1, 8, 1, "sine", False)
    weights = torch.ones(shape.parameters)
    x = torch.linspace(-300, 300, 999)[:, None]
    # Three-part reduction keeps 1e-7 per unit; eight are added.
    assert_close(mlp(x, weights, shape).double(), 8 * x.double().sin(), atol=4e-6, rtol=0)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("width", [64, 128])
def test_bits_do_not_depend_on_threads(threads: int, width: int) -> None:
    shape = MlpShape(32, 16, width, 2, "relu", True)
    x, weights, dy = inputs(shape, 5000)

    def compute() -> list[Tensor]:
        return with_gradients(lambda x, w: mlp(x, w, shape), (x, weights), dy)

    assert same_bits(compute(), on_threads(threads, compute))


def test_inference_equals_training_forward() -> None:
    shape = MlpShape(19, 3, 24, 2, "sine", True)
    x, weights, _ = inputs(shape, 133)
    with torch.no_grad():
        plain = mlp(x, weights, shape)
    assert torch.equal(plain, mlp(x, weights.requires_grad_(), shape).detach())


def test_empty_input() -> None:
    shape = MlpShape(4, 3, 8, 1, "relu", False)
    x, weights, _ = inputs(shape, 0)
    assert mlp(x, weights, shape).shape == (0, 3)
    weights.requires_grad_()
    mlp(x, weights, shape).sum().backward()
    assert weights.grad is not None and weights.grad.abs().sum() == 0


# torch 2.13 warns of its own way of tracing autograd functions.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_compiles_without_graph_breaks() -> None:
    shape = MlpShape(4, 3, 8, 1, "relu", False)
    x, weights, _ = inputs(shape, 20)
    compiled = torch.compile(lambda x: mlp(x, weights, shape), fullgraph=True, backend="eager")
    assert torch.equal(compiled(x), mlp(x, weights, shape))


def test_second_derivative_raises() -> None:
    shape = MlpShape(4, 3, 8, 1, "softplus", False)
    x, weights, _ = inputs(shape, 5)
    x.requires_grad_()
    (slope,) = torch.autograd.grad(mlp(x, weights, shape).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="mlp: second derivatives are not supported"):
        slope.sum().backward()


def test_refusals_name_argument_and_value() -> None:
    with pytest.raises(ValueError, match="width must be a multiple of 8, got 12"):
        MlpShape(4, 3, 12, 1, "relu", False)
    with pytest.raises(ValueError, match="hidden must be from 0 to 8, got 9"):
        MlpShape(4, 3, 8, 9, "relu", False)
    with pytest.raises(ValueError, match="one of none, relu, softplus, sine, finer, got"):
        MlpShape(4, 3, 8, 1, "gelu", False)
    shape = MlpShape(4, 3, 8, 1, "relu", False)
    x, weights, _ = inputs(shape, 5)
    with pytest.raises(ValueError, match=r"weights must have shape \(56\), got \(55,\)"):
        mlp(x, weights[:-1], shape)
