"""Volume rendering of packed samples, and its gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import derivative, empty, native, operation


def _checked(
    sigma: Tensor, rgb: Tensor, t: Tensor, dt: Tensor, offset: Tensor
) -> tuple[Tensor, ...]:
    count = len(sigma)
    return (
        check.floats("composite", "sigma", sigma, None),
        check.floats("composite", "rgb", rgb, count, 3),
        check.floats("composite", "t", t, count),
        check.floats("composite", "dt", dt, count),
        check.packing("composite", offset, count),
    )


@operation(
    "composite_forward(Tensor sigma, Tensor rgb, Tensor t, Tensor dt, Tensor offset)"
    " -> (Tensor, Tensor, Tensor, Tensor)",
    lambda sigma, rgb, t, dt, offset: (
        sigma.new_empty(offset.shape[0] - 1, 3),
        sigma.new_empty(offset.shape[0] - 1),
        sigma.new_empty(offset.shape[0] - 1),
        torch.empty_like(sigma),
    ),
)
def _forward(
    sigma: Tensor, rgb: Tensor, t: Tensor, dt: Tensor, offset: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    sigma, rgb, t, dt, offset = _checked(sigma, rgb, t, dt, offset)
    rays = len(offset) - 1
    color, opacity, depth = (
        empty(rays, 3),
        empty(rays),
        empty(rays),
    )
    alpha = empty(*sigma.shape)
    native.composite_forward(offset, sigma, rgb, t, dt, alpha, color, opacity, depth)
    return color, opacity, depth, alpha


@operation(
    "composite_backward(Tensor alpha, Tensor rgb, Tensor t, Tensor dt, Tensor offset,"
    " Tensor dcolor, Tensor dopacity, Tensor ddepth) -> (Tensor, Tensor)",
    lambda alpha, rgb, t, dt, offset, dcolor, dopacity, ddepth: (
        torch.empty_like(alpha),
        torch.empty_like(rgb),
    ),
)
def _backward(  # noqa: PLR0913 - the operands of the formula
    alpha: Tensor,
    rgb: Tensor,
    t: Tensor,
    dt: Tensor,
    offset: Tensor,
    dcolor: Tensor,
    dopacity: Tensor,
    ddepth: Tensor,
) -> tuple[Tensor, Tensor]:
    alpha, rgb, t, dt, offset = _checked(alpha, rgb, t, dt, offset)
    rays = len(offset) - 1
    dsigma, drgb = empty(*alpha.shape), empty(*rgb.shape)
    native.composite_backward(
        offset,
        alpha,
        rgb,
        t,
        dt,
        check.floats("composite", "dcolor", dcolor, rays, 3),
        check.floats("composite", "dopacity", dopacity, rays),
        check.floats("composite", "ddepth", ddepth, rays),
        dsigma,
        drgb,
    )
    return dsigma, drgb


def _gradients(sigma: Tensor, *arguments: Tensor) -> tuple[Tensor, Tensor]:
    """`sigma` is not needed (alpha is), but ties second derivatives to it, so that they raise."""
    dsigma, drgb = _backward(*arguments)
    return dsigma, drgb


_derivative = derivative("composite", _gradients)


class _Composite(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, sigma: Tensor, rgb: Tensor, t: Tensor, dt: Tensor, offset: Tensor) -> Any:
        color, opacity, depth, alpha = _forward(sigma, rgb, t, dt, offset)
        ctx.save_for_backward(sigma, alpha, rgb, t, dt, offset)
        return color, opacity, depth

    @staticmethod
    def backward(ctx: Any, dcolor: Tensor, dopacity: Tensor, ddepth: Tensor) -> Any:
        dsigma, drgb = _derivative(*ctx.saved_tensors, dcolor, dopacity, ddepth)
        return dsigma, drgb, None, None, None


def composite(
    sigma: Tensor, rgb: Tensor, t: Tensor, dt: Tensor, offset: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Colour, opacity and depth of rays from their packed samples.

    Formula
        $\alpha_k = 1 - e^{-\sigma_k \delta_k}$, $w_k = \alpha_k \prod_{j<k}(1 - \alpha_j)$,
        $C = \sum w_k c_k$, $A = \sum w_k$, $D = \sum w_k t_k$
    Shape
        sigma, t, dt ``(S,)``, rgb ``(S, 3)`` float32, offset ``(R + 1,)`` int64
        -> color ``(R, 3)`` without background, opacity ``(R,)``, depth ``(R,)``
    Units
        sigma in 1 / unit of dt; depth in the unit of t, weighted by opacity
    Raises
        TypeError, ValueError: another dtype, shape or device; offset not ending at S.
        RuntimeError: on second derivatives.
    Source
        Mildenhall et al. 2020, NeRF, arXiv:2003.08934, Eq. 3; csrc/math/composite.h
    """
    result: tuple[Tensor, Tensor, Tensor] = _Composite.apply(sigma, rgb, t, dt, offset)
    return result
