"""Real spherical harmonics in PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor


def spherical_harmonics(direction: Tensor) -> Tensor:
    """The 16 real harmonics of bands 0 to 3: (N, 3) unit vectors -> (N, 16) float32.

    Source: Sloan, "Efficient Spherical Harmonic Evaluation", JCGT 2(2), 2013; order and signs as
    in tiny-cuda-nn.
    """
    x, y, z = direction.unbind(-1)
    xy, yz, xz = x * y, y * z, x * z
    x2, y2, z2 = x * x, y * y, z * z
    return torch.stack(
        [
            torch.full_like(x, 0.28209479177387814),
            -0.48860251190291987 * y,
            0.48860251190291987 * z,
            -0.48860251190291987 * x,
            1.0925484305920792 * xy,
            -1.0925484305920792 * yz,
            0.94617469575755997 * z2 - 0.31539156525251999,
            -1.0925484305920792 * xz,
            0.54627421529603959 * (x2 - y2),
            0.59004358992664352 * y * (y2 - 3 * x2),
            2.8906114426405538 * xy * z,
            0.45704579946446572 * y * (1 - 5 * z2),
            0.3731763325901154 * z * (5 * z2 - 3),
            0.45704579946446572 * x * (1 - 5 * z2),
            1.4453057213202769 * z * (x2 - y2),
            0.59004358992664352 * x * (3 * y2 - x2),
        ],
        -1,
    )
