"""Distortion of rays: how far their light is spread out, as a penalty on fog and floaters."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import derivative, empty, native, operation


@operation(
    "distortion_forward(Tensor sigma, Tensor dt, Tensor s, Tensor ds, Tensor offset)"
    " -> (Tensor, Tensor)",
    lambda sigma, dt, s, ds, offset: (
        sigma.new_empty(offset.shape[0] - 1),
        torch.empty_like(sigma),
    ),
)
def _forward(
    sigma: Tensor, dt: Tensor, s: Tensor, ds: Tensor, offset: Tensor
) -> tuple[Tensor, Tensor]:
    sigma, dt, s, ds, offset = _checked(sigma, dt, s, ds, offset)
    loss, alpha = empty(len(offset) - 1), empty(*sigma.shape)
    native.distortion_forward(offset, sigma, dt, s, ds, alpha, loss)
    return loss, alpha


@operation(
    "distortion_backward(Tensor alpha, Tensor dt, Tensor s, Tensor ds, Tensor offset,"
    " Tensor dloss) -> Tensor",
    lambda alpha, dt, s, ds, offset, dloss: torch.empty_like(alpha),
)
def _backward(
    alpha: Tensor, dt: Tensor, s: Tensor, ds: Tensor, offset: Tensor, dloss: Tensor
) -> Tensor:
    alpha, dt, s, ds, offset = _checked(alpha, dt, s, ds, offset)
    dloss = check.floats("distortion", "dloss", dloss, len(offset) - 1)
    dsigma = empty(*alpha.shape)
    native.distortion_backward(offset, alpha, dt, s, ds, dloss, dsigma)
    return dsigma


def _checked(
    sigma: Tensor, dt: Tensor, s: Tensor, ds: Tensor, offset: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    sigma = check.floats("distortion", "sigma", sigma, None)
    count = len(sigma)
    return (
        sigma,
        check.floats("distortion", "dt", dt, count),
        check.floats("distortion", "s", s, count),
        check.floats("distortion", "ds", ds, count),
        check.packing("distortion", offset, count),
    )


def _gradient(sigma: Tensor, *arguments: Tensor) -> Tensor:
    """`sigma` is not needed (alpha is), but ties second derivatives to it, so that they raise."""
    dsigma: Tensor = _backward(*arguments)
    return dsigma


_derivative = derivative("distortion", _gradient)


class _Distortion(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, sigma: Tensor, dt: Tensor, s: Tensor, ds: Tensor, offset: Tensor) -> Any:
        loss, alpha = _forward(sigma, dt, s, ds, offset)
        ctx.save_for_backward(sigma, alpha, dt, s, ds, offset)
        return loss

    @staticmethod
    def backward(ctx: Any, dloss: Tensor) -> Any:
        return _derivative(*ctx.saved_tensors, dloss), None, None, None, None


def distortion(sigma: Tensor, dt: Tensor, s: Tensor, ds: Tensor, offset: Tensor) -> Tensor:
    r"""Spread of the light of every ray along it.

    Formula
        $L = \sum_{j,k} w_j w_k |s_j - s_k| + \frac{1}{3} \sum_k w_k^2\,\Delta s_k$, with
        the weights $w_k$ of `nfield.ops.composite.composite`
    Shape
        sigma, dt, s, ds ``(S,)`` float32, offset ``(R + 1,)`` int64 -> ``(R,)``; gradient to sigma
        alone
    Units
        sigma in 1 / unit of dt; s rises along a ray, in any unit: the loss is in it
    Raises
        TypeError, ValueError: another dtype, shape or device; offset not ending at S.
        RuntimeError: on second derivatives.
    Source
        Barron et al. 2022, Mip-NeRF 360, arXiv:2111.12077, Eq. 15; csrc/math/distortion.h
    """
    loss: Tensor = _Distortion.apply(sigma, dt, s, ds, offset)
    return loss
