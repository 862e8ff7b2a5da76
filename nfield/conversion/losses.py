"""How far a student is from its teacher at the same samples."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

TINY = 1e-30  # least density that has a logarithm here


@dataclass(frozen=True)
class Clamp:
    r"""The stretch of log densities on which teacher and student are compared.

    Beyond it nothing shows. Densities are per half size: at $e^7$ a step, 1/148 of a half size by
    default, is opaque, and a ray through as much matter of $e^{-2}$ as occupied cells hold is
    clear. Without it students spend themselves on how empty empty space is, where logarithms of
    the teacher run to minus infinity.

    Formula
        $e = s - \mathrm{clamp}(t)$; where t lies below the least, max(e, 0); where it lies above
        the most, min(e, 0)
    Source
        Fang et al. 2023, Progressive Volume Distillation, arXiv:2211.15977, released settings;
        there the student is clamped too, and gets no gradient where it is wrong beyond the clamp
    """

    least: float
    most: float

    def error(self, student: Tensor, teacher: Tensor) -> Tensor:
        """``(N,)`` of log densities ``(N,)``."""
        error = student - teacher.clamp(self.least, self.most)
        error = error.clamp(min=0).where(teacher <= self.least, error)
        return error.clamp(max=0).where(teacher >= self.most, error)


def log_density(density: Tensor) -> Tensor:
    """Logarithm of densities ``(N,)``, whatever activation they come from.

    It passes through float64: float32 logarithms round by where a thread's share of a tensor ends.
    """
    return density.double().clamp(min=TINY).log().float()


def root_mean_square(error: Tensor) -> Tensor:
    r"""The batch's Frobenius norm, over the root of its size.

    Formula
        $\sqrt{\mathrm{mean}(e^2)}$, 0 of nothing; the sum that its gradient depends on runs in
        numpy's fixed order, whatever the number of threads
    """
    if not error.numel():
        return error.sum()
    # torch's mean depends on the number of threads.
    values = error.detach() if error.is_cuda else error.detach().numpy()
    root = math.sqrt(float((values * values).mean()) + 1e-12)
    return (error.square().mean() / root + root) / 2
