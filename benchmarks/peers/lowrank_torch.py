"""Low-rank tensors in PyTorch, in the formulations that its CPU kernels allow.

Planes (3, R, R, C) and lines (3, R, C) as ours; vertices at i / (R - 1), points in [0, 1].
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.peers.grids_torch import Sum, bag, corners, gather

MODES = ((0, 1, 2), (0, 2, 1), (1, 2, 0))  # rows and columns of the plane, line


def _image(image: Tensor, x: Tensor) -> Tensor:
    """An image (H, W, C), channels last in memory too, at points (N, 2): its rows first."""
    at = x.flip(1)[None, None] * 2 - 1
    channels = image.movedim(-1, 0)[None]
    return functional.grid_sample(channels, at, align_corners=True)[0, :, 0].t()


def _line(line: Tensor, x: Tensor) -> Tensor:
    """A line (R, C) at points (N,), as an image one vertex wide."""
    return _image(line[:, None], torch.stack([x, torch.full_like(x, 0.5)], 1))


def vm_sampled(x: Tensor, planes: Tensor, lines: Tensor) -> Tensor:
    """Vector-matrix products of what `grid_sample` gives."""
    parts = [
        _image(planes[m], x[:, (a, b)]) * _line(lines[m], x[:, c])
        for m, (a, b, c) in enumerate(MODES)
    ]
    return torch.cat(parts, 1)


def cp_sampled(x: Tensor, lines: Tensor) -> Tensor:
    """Products of three lines from `grid_sample`."""
    return _line(lines[0], x[:, 2]) * _line(lines[1], x[:, 1]) * _line(lines[2], x[:, 0])


def _vm(x: Tensor, planes: Tensor, lines: Tensor, sum_rows: Sum) -> Tensor:
    resolution, parts = lines.shape[1], []
    for m, (a, b, c) in enumerate(MODES):
        plane = sum_rows(planes[m].flatten(0, 1), *corners(x[:, (a, b)], resolution))
        parts.append(plane * sum_rows(lines[m], *corners(x[:, c : c + 1], resolution)))
    return torch.cat(parts, 1)


def _cp(x: Tensor, lines: Tensor, sum_rows: Sum) -> Tensor:
    resolution = lines.shape[1]
    first, second, third = (
        sum_rows(lines[m], *corners(x[:, 2 - m : 3 - m], resolution)) for m in range(3)
    )
    return first * second * third


def vm_bags(x: Tensor, planes: Tensor, lines: Tensor) -> Tensor:
    """Vector-matrix products by `embedding_bag`."""
    return _vm(x, planes, lines, bag)


def vm_gathered(x: Tensor, planes: Tensor, lines: Tensor) -> Tensor:
    """Vector-matrix products by indexing."""
    return _vm(x, planes, lines, gather)


def cp_bags(x: Tensor, lines: Tensor) -> Tensor:
    """Products of three lines by `embedding_bag`."""
    return _cp(x, lines, bag)


def cp_gathered(x: Tensor, lines: Tensor) -> Tensor:
    """Products of three lines by indexing."""
    return _cp(x, lines, gather)
