"""Total variation: how much neighbouring vertices of grids differ, and its gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import derivative, native, operation


def _checked(vertices: Tensor) -> tuple[Tensor, list[int], Tensor]:
    """The vertices, their sizes as (grids, three axes, channels), and 1 / values per axis."""
    if vertices.dim() not in (3, 4, 5):
        raise ValueError(
            "total_variation: vertices must have 3 to 5 axes (grids, one to three axes, channels), "
            f"got shape {tuple(vertices.shape)}"
        )
    vertices = check.floats("total_variation", "vertices", vertices, *[None] * vertices.dim())
    grids, *axes, channels = vertices.shape
    # The kernel's units are layers of the first axis, its vectors run along the last.
    axes = {1: [1, 1, *axes], 2: [axes[0], 1, axes[-1]], 3: axes}[len(axes)]
    values = [vertices.numel() // max(size, 1) * (size - 1) for size in axes]
    scale = [1 / count if count > 0 else 0.0 for count in values]
    shares = torch.tensor(scale, dtype=torch.float64).to(vertices.device, non_blocking=True)
    return vertices, [grids, *axes, channels], shares


@operation(
    "total_variation_forward(Tensor vertices) -> Tensor", lambda vertices: vertices.new_empty(())
)
def _forward(vertices: Tensor) -> Tensor:
    vertices, sizes, scale = _checked(vertices)
    sums = torch.empty(3, dtype=torch.float64, device=vertices.device)
    native.total_variation_forward(sizes, vertices, sums)
    return (sums @ scale).float()


@operation(
    "total_variation_backward(Tensor vertices, Tensor dy) -> Tensor",
    lambda vertices, dy: torch.empty_like(vertices),
)
def _backward(vertices: Tensor, dy: Tensor) -> Tensor:
    vertices, sizes, scale = _checked(vertices)
    dvertices = torch.empty_like(vertices)
    native.total_variation_backward(sizes, (2 * scale * dy).float(), vertices, dvertices)
    return dvertices


_derivative = derivative("total_variation", _backward)


class _TotalVariation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, vertices: Tensor) -> Tensor:
        ctx.save_for_backward(vertices)
        y: Tensor = _forward(vertices)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        return _derivative(*ctx.saved_tensors, dy)


def total_variation(vertices: Tensor) -> Tensor:
    r"""Mean squared difference of neighbouring vertices, summed over the axes of the grids.

    Formula
        $\sum_a \operatorname{mean} (v_{i + e_a} - v_i)^2$, the mean over all pairs of neighbours
        along axis a of all grids, and over channels; an axis of one vertex adds nothing
    Shape
        vertices ``(G, R_0, ..., R_{D-1}, C)`` float32, D from 1 to 3 -> a scalar, float32
    Raises
        TypeError, ValueError: another dtype, shape or device.
        RuntimeError: on second derivatives.
    Source
        Rudin, Osher and Fatemi 1992, squared as by Fridovich-Keil et al. 2023, K-Planes,
        arXiv:2301.10241, section 3.3, up to the constant
    """
    y: Tensor = _TotalVariation.apply(vertices)
    return y
