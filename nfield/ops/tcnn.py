"""The hash grid and perceptrons as tiny-cuda-nn computes them, from nfield's own parameters.

Layouts agree but for the padding of perceptrons: a checkpoint does not know which of both computed
it. Source: Mueller 2021, tiny-cuda-nn, https://github.com/NVlabs/tiny-cuda-nn.
"""

from __future__ import annotations

import functools
import importlib.util
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from nfield.ops.hash_grid import HashGridShape
from nfield.ops.mlp import MlpShape

ALIGNMENT = 16  # rows and columns of its matrices come in multiples
ACTIVATIONS = {"none": "None", "relu": "ReLU"}


def installed() -> bool:
    """Whether tiny-cuda-nn's PyTorch extension can be imported; importing it needs a GPU."""
    return importlib.util.find_spec("tinycudann") is not None


def takes(shape: MlpShape) -> bool:
    """Whether its fused perceptron computes the same: no biases, ReLU or nothing, known widths."""
    return shape.fused and not shape.bias and shape.activation in ACTIVATIONS


def hash_grid(x: Tensor, table: Tensor, shape: HashGridShape) -> Tensor:
    """`nfield.ops.hash_grid.hash_grid` by tiny-cuda-nn, in float32, for x in [0, 1]."""
    return _called(_grid(shape, x.device), table.flatten(), x)


def mlp(x: Tensor, weights: Tensor, shape: MlpShape) -> Tensor:
    """`nfield.ops.mlp.mlp` by tiny-cuda-nn, in half precision, of a shape that it `takes`."""
    return _called(_network(shape, x.device), _padded(weights, shape), x)


def _called(module: nn.Module, parameters: Tensor, x: Tensor) -> Tensor:
    y: Tensor = functional_call(module, {"params": parameters}, (x,))
    return y.float()


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


@functools.lru_cache(maxsize=64)
def _grid(shape: HashGridShape, device: torch.device) -> nn.Module:
    import tinycudann

    config = {
        "otype": "HashGrid",
        "n_levels": shape.levels,
        "n_features_per_level": shape.features,
        "log2_hashmap_size": shape.log2_table,
        "base_resolution": shape.base_resolution,
        "per_level_scale": shape.growth,
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
