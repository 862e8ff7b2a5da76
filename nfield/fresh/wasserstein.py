"""The Wasserstein distance of two spectra."""

from __future__ import annotations

from torch import Tensor


def wasserstein(p: Tensor, q: Tensor) -> float:
    r"""Least mean number of bins by which p must be moved to become q.

    Formula
        $W_1(p, q) = \sum_n |P_n - Q_n|$ with the cumulative sums $P_n = \sum_{k \le n} p_k$, and Q
    Shape
        p, q ``(m,)``, not negative, each with sum 1
    Units
        bins
    Raises
        ValueError: shapes differ, or one is not a distribution.
    Source
        Kania et al. 2025, FreSh, arXiv:2410.05050; the closed form of W1 on a line
    """
    for name, x in (("p", p), ("q", q)):
        if x.dim() != 1 or x.shape != p.shape or len(x) == 0:
            raise ValueError(
                "wasserstein: p and q must be of one shape (m,), "
                f"got {tuple(p.shape)} and {tuple(q.shape)}"
            )
        # `not` finds NaN too; the sum of float32 bins is within 1e-4 of 1.
        if not (float(x.min()) >= 0.0 and abs(float(x.double().sum()) - 1.0) <= 1e-4):
            raise ValueError(
                f"wasserstein: {name} must be >= 0 with sum 1, got minimum {float(x.min()):g} "
                f"and sum {float(x.double().sum()):g}; see nfield.fresh.spectrum"
            )
    return float((p.double() - q.double()).cumsum(0).abs().sum())
