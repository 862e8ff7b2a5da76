"""Tri-plane: the sum of three interpolated planes, and its gradients."""

from __future__ import annotations

import functools
from dataclasses import astuple, dataclass
from typing import Any

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import derivative, empty, native, operation


@dataclass(frozen=True)
class TriplaneShape:
    """Sizes of a tri-plane: vertices along each side of the square planes, and channels.

    Raises:
        ValueError: sizes outside those the kernel takes.
    """

    resolution: int
    channels: int

    def __post_init__(self) -> None:
        check.between("TriPlane", "resolution", self.resolution, 2, 1 << 14)
        check.between("TriPlane", "channels", self.channels, 1, 1 << 20)

    @property
    def planes(self) -> tuple[int, int, int, int]:
        """Shape of the planes, channels last."""
        return (3, self.resolution, self.resolution, self.channels)


@functools.lru_cache(maxsize=64)
def _native_planes(*shape: int) -> tuple[TriplaneShape, Any]:
    return TriplaneShape(*shape), native.Triplane(*shape)


def _checked(x: Tensor, planes: Tensor, shape: list[int]) -> tuple[Any, Tensor, Tensor]:
    sizes, kernel = _native_planes(*shape)
    x = check.floats("triplane", "x", x, None, 3)
    return kernel, x, check.floats("triplane", "planes", planes, *sizes.planes)


@operation(
    "triplane_forward(Tensor x, Tensor planes, int[] shape) -> Tensor",
    lambda x, planes, shape: x.new_empty(x.shape[0], shape[1]),
)
def _forward(x: Tensor, planes: Tensor, shape: list[int]) -> Tensor:
    kernel, x, planes = _checked(x, planes, shape)
    y = empty(len(x), planes.shape[-1])
    kernel.forward(x, planes, y)
    return y


@operation(
    "triplane_backward_planes(Tensor x, Tensor planes, Tensor dy, int[] shape) -> Tensor",
    lambda x, planes, dy, shape: torch.empty_like(planes),
)
def _backward_planes(x: Tensor, planes: Tensor, dy: Tensor, shape: list[int]) -> Tensor:
    kernel, x, planes = _checked(x, planes, shape)
    dplanes = empty(*planes.shape)
    kernel.backward_planes(x, check.floats("triplane", "dy", dy, len(x), shape[1]), dplanes)
    return dplanes


@operation(
    "triplane_backward_x(Tensor x, Tensor planes, Tensor dy, int[] shape) -> Tensor",
    lambda x, planes, dy, shape: torch.empty_like(x),
)
def _backward_x(x: Tensor, planes: Tensor, dy: Tensor, shape: list[int]) -> Tensor:
    kernel, x, planes = _checked(x, planes, shape)
    dx = torch.empty_like(x)
    kernel.backward_x(x, planes, check.floats("triplane", "dy", dy, len(x), shape[1]), dx)
    return dx


def _gradients(
    x: Tensor, planes: Tensor, dy: Tensor, shape: list[int], wants_x: bool, wants_planes: bool
) -> tuple[Tensor | None, Tensor | None]:
    dx = _backward_x(x, planes, dy, shape) if wants_x else None
    dplanes = _backward_planes(x, planes, dy, shape) if wants_planes else None
    return dx, dplanes


_derivative = derivative("triplane", _gradients)


class _Triplane(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, planes: Tensor, shape: list[int]) -> Tensor:
        ctx.save_for_backward(x, planes)
        ctx.shape = shape
        y: Tensor = _forward(x, planes, shape)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        x, planes = ctx.saved_tensors
        return *_derivative(x, planes, dy, ctx.shape, *ctx.needs_input_grad[:2]), None


def triplane(x: Tensor, planes: Tensor, shape: TriplaneShape) -> Tensor:
    r"""Features of points: the sum of three bilinear blends, one a plane.

    Formula
        $y = P_0(x_0, x_1) + P_1(x_0, x_2) + P_2(x_1, x_2)$, each $P$ interpolated between vertices
        at $i / (R - 1)$; x outside [0, 1] is clamped, with gradient zero there
    Shape
        x ``(N, 3)`` float32, planes ``(3, R, R, C)`` float32, rows along the plane's first
        coordinate -> ``(N, C)`` float32
    Raises
        TypeError, ValueError: another dtype, shape or device.
        RuntimeError: on second derivatives.
    Source
        Chan et al. 2022, EG3D, arXiv:2112.07945, section 3.2; Cardace et al. 2024,
        arXiv:2310.01140, section 3
    """
    y: Tensor = _Triplane.apply(x, planes, list(astuple(shape)))
    return y
