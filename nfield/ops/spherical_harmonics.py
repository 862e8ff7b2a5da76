"""Real spherical harmonics of unit directions, and their gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import derivative, empty, native, operation


@operation(
    "spherical_harmonics_forward(Tensor d, int degree) -> Tensor",
    lambda d, degree: d.new_empty(d.shape[0], degree**2),
)
def _forward(d: Tensor, degree: int) -> Tensor:
    d = check.floats("spherical_harmonics", "d", d, None, 3)
    y = empty(len(d), degree**2)
    native.spherical_harmonics_forward(degree, d, y)
    return y


@operation(
    "spherical_harmonics_backward(Tensor d, Tensor dy, int degree) -> Tensor",
    lambda d, dy, degree: torch.empty_like(d),
)
def _backward(d: Tensor, dy: Tensor, degree: int) -> Tensor:
    d = check.floats("spherical_harmonics", "d", d, None, 3)
    dy = check.floats("spherical_harmonics", "dy", dy, len(d), degree**2)
    dd = empty(*d.shape)
    native.spherical_harmonics_backward(degree, d, dy, dd)
    return dd


_derivative = derivative("spherical_harmonics", _backward)


class _SphericalHarmonics(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, d: Tensor, degree: int) -> Tensor:
        ctx.save_for_backward(d)
        ctx.degree = degree
        y: Tensor = _forward(d, degree)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        (d,) = ctx.saved_tensors
        return _derivative(d, dy, ctx.degree), None


def spherical_harmonics(d: Tensor, degree: int = 4) -> Tensor:
    r"""Values of the first `degree` bands.

    Formula
        $y = (Y_0^0, Y_1^{-1}, Y_1^0, Y_1^1, \dots)(d)$, orthonormal over the sphere
    Shape
        d ``(N, 3)`` float32, unit -> ``(N, degree^2)`` float32; the gradient is that of the
        polynomials in (x, y, z)
    Raises
        TypeError, ValueError: another dtype, shape or device; degree not from 1 to 4.
        RuntimeError: on second derivatives.
    Source
        Green 2003, "Spherical Harmonic Lighting"; csrc/math/spherical_harmonics.h
    """
    check.between("spherical_harmonics", "degree", degree, 1, 4)
    y: Tensor = _SphericalHarmonics.apply(d, degree)
    return y
