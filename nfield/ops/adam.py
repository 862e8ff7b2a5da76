"""One step of Adam over a dense parameter, in one pass over memory."""

from __future__ import annotations

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import native, placed


@torch.no_grad()
@placed
def adam_(  # noqa: PLR0913 - the operands of the formula
    parameter: Tensor,
    gradient: Tensor,
    m: Tensor,
    v: Tensor,
    *,
    step: int,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.99),
    eps: float = 1e-15,
) -> None:
    r"""Update parameter and moments in place.

    Formula
        $m = \beta_1 m + (1-\beta_1) g$, $v = \beta_2 v + (1-\beta_2) g^2$,
        $p \mathrel{-}= \eta\,\hat m / (\sqrt{\hat v} + \epsilon)$
    Shape
        parameter, gradient, m, v of one shape, float32, contiguous; step counts from 1
    Raises
        TypeError, ValueError: another dtype, shape or device; a parameter that is not contiguous.
    Source
        Kingma and Ba 2015, arXiv:1412.6980, Algorithm 1; csrc/cpu/adam.cpp
    """
    for name, tensor in (("parameter", parameter), ("m", m), ("v", v)):
        if not tensor.is_contiguous():
            raise ValueError(f"adam: {name} must be contiguous, got strides {tensor.stride()}")
    tensors = [
        check.dense("adam", name, tensor, torch.float32, *parameter.shape, aligned=False)
        for name, tensor in (("gradient", gradient), ("parameter", parameter), ("m", m), ("v", v))
    ]
    native.adam(lr, *betas, eps, step, *tensors)
