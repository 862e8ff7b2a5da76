"""A multi-layer perceptron in PyTorch."""

from __future__ import annotations

from torch import Tensor, nn


def make_mlp(weights: Tensor, widths: list[int]) -> nn.Sequential:
    """Bias-free ReLU network with `widths` units per layer, input and output included.

    Args:
        weights: flat float32; per layer the (out, in) matrix, row-major.
    """
    layers: list[nn.Module] = []
    offset = 0
    for rows, columns in zip(widths[1:], widths[:-1], strict=True):
        layer = nn.Linear(columns, rows, bias=False)
        matrix = weights[offset : offset + rows * columns].reshape(rows, columns)
        layer.weight = nn.Parameter(matrix.detach().clone())
        layers += [layer, nn.ReLU()]
        offset += rows * columns
    return nn.Sequential(*layers[:-1])
