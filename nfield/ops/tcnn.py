"""The hash grid and perceptrons as tiny-cuda-nn computes them, from nfield's own parameters.

Layouts agree but for the padding of perceptrons: a checkpoint does not know which of both computed
it. Source: Mueller 2021, tiny-cuda-nn, https://github.com/NVlabs/tiny-cuda-nn.
"""

from __future__ import annotations

import functools
import importlib.util
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from nfield.ops import hash_grid as native_grid
from nfield.ops import mlp as native_mlp
from nfield.ops.hash_grid import HashGridShape
from nfield.ops.mlp import MlpShape

ALIGNMENT = 16  # rows and columns of its matrices come in multiples
ACTIVATIONS = {"none": "None", "relu": "ReLU"}
LARGEST = -8  # exponent that the largest gradient of a row is brought to


def installed() -> bool:
    """Whether tiny-cuda-nn's PyTorch extension can be imported; importing it needs a GPU."""
    return importlib.util.find_spec("tinycudann") is not None


def takes(shape: MlpShape) -> bool:
    """Whether its fused perceptron computes the same: no biases, ReLU or nothing, known widths."""
    return shape.fused and not shape.bias and shape.activation in ACTIVATIONS


def hash_grid(x: Tensor, table: Tensor, shape: HashGridShape) -> Tensor:
    """`nfield.ops.hash_grid.hash_grid` by tiny-cuda-nn, in float32, for x in [0, 1]."""
    if not _can_go(x):
        return native_grid.hash_grid(x, table, shape)
    y: Tensor = functional_call(_grid(shape, x.device), {"params": table.flatten()}, (x,))
    return y


def mlp(x: Tensor, weights: Tensor, shape: MlpShape) -> Tensor:
    """`nfield.ops.mlp.mlp` by tiny-cuda-nn, in half precision, of a shape that it `takes`."""
    if not _can_go(x):
        return native_mlp.mlp(x, weights, shape)
    y: Tensor = _Perceptron.apply(x, weights, shape)
    return y


def _can_go(x: Tensor) -> bool:
    """Whether rows are for a GPU, and any: with none its launches fail."""
    return x.is_cuda and len(x) > 0


class _Perceptron(torch.autograd.Function):
    r"""Scales the upstream gradient, which becomes half precision, by a power of two.

    Its largest value is brought to $2^{-8}$: values $2^6$ times below keep all bits, and weights
    have room for sums over some $10^5$ rows.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weights: Tensor, shape: MlpShape) -> Tensor:
        inputs = [value.detach() for value in (x, weights)]
        for value, wanted in zip(inputs, ctx.needs_input_grad, strict=False):
            value.requires_grad_(wanted)
        with torch.enable_grad():
            parameters = {"params": _padded(inputs[1], shape)}
            y = functional_call(_network(shape, x.device), parameters, (inputs[0],))
        ctx.inputs, ctx.y = inputs, y
        result: Tensor = y.detach().float()
        return result

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        exponent = torch.frexp(dy.abs().amax()).exponent
        factor = torch.ldexp(torch.ones((), device=dy.device), LARGEST - exponent)
        wanted = [value for value in ctx.inputs if value.requires_grad]
        scaled = (dy * factor).to(ctx.y.dtype)
        found = iter(torch.autograd.grad(ctx.y, wanted, scaled))
        gradients = [next(found) / factor if v.requires_grad else None for v in ctx.inputs]
        return *gradients, None


def _padded(weights: Tensor, shape: MlpShape) -> Tensor:
    """Every matrix with zeros around it.

    Inputs are padded with ones: what they are multiplied with must be 0.
    """
    sizes = [out * in_ for out, in_ in shape.layers]
    matrices = [
        nn.functional.pad(part.view(out, in_), (0, -in_ % ALIGNMENT, 0, -out % ALIGNMENT))
        for part, (out, in_) in zip(weights.split(sizes), shape.layers, strict=True)
    ]
    return torch.cat([matrix.flatten() for matrix in matrices])


def growth(shape: HashGridShape) -> float:
    """The ratio of resolutions from which its float32 finds those of the shape.

    Where a level's scale is a whole number, rounding decides whether it has a vertex more.

    Raises:
        RuntimeError: there is none.
    """
    wanted = [resolution for _, resolution, *_ in shape.layout]
    exact = np.float32(shape.growth)
    for steps in (-1, 0, 1, -2, 2):
        ratio = exact
        for _ in range(abs(steps)):
            ratio = np.nextafter(ratio, np.float32(math.copysign(np.inf, steps)))
        powers = np.exp2(np.arange(shape.levels, dtype=np.float32) * np.log2(ratio))
        scales = powers * np.float32(shape.base_resolution) - np.float32(1)
        if (np.ceil(scales).astype(int) + 1).tolist() == wanted:
            return float(ratio)
    raise RuntimeError(
        f"tcnn: a hash grid must have the resolutions {wanted}, got others from every growth near "
        f"{shape.growth}; use backend=native"
    )


@functools.lru_cache(maxsize=64)
def _grid(shape: HashGridShape, device: torch.device) -> nn.Module:
    import tinycudann

    config = {
        "otype": "HashGrid",
        "n_levels": shape.levels,
        "n_features_per_level": shape.features,
        "log2_hashmap_size": shape.log2_table,
        "base_resolution": shape.base_resolution,
        "per_level_scale": growth(shape),
    }
    with torch.cuda.device(device):
        module = tinycudann.Encoding(shape.in_dim, config, dtype=torch.float32)
    return _emptied(module, "hash grid", shape.entries * shape.features)


@functools.lru_cache(maxsize=64)
def _network(shape: MlpShape, device: torch.device) -> nn.Module:
    import tinycudann

    config = {
        "otype": "FullyFusedMLP",
        "activation": ACTIVATIONS[shape.activation],
        "output_activation": "None",
        "n_neurons": shape.width,
        "n_hidden_layers": shape.hidden,
    }
    with torch.cuda.device(device):
        module = tinycudann.Network(shape.in_dim, shape.out_dim, config)
    return _emptied(module, "perceptron", len(_padded(torch.empty(shape.parameters), shape)))


def _emptied(module: Any, what: str, values: int) -> nn.Module:
    """Drop the parameters that it began with: it is called with others."""
    own: nn.Module = module
    if module.params.numel() != values:
        raise RuntimeError(
            f"tcnn: a {what} must have {values} values, got {module.params.numel()}; this version "
            "of tiny-cuda-nn lays them out in another way, use backend=native"
        )
    module.params.data = torch.empty(0, device=module.params.device)
    return own
