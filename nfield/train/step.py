"""What a training step knows of its place in the fit."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from nfield.train.ranks import ALONE, Ranks


@dataclass(frozen=True)
class Step:
    """One step.

    Args:
        number: Of the step, from 0.
        progress: Share of the budget that is spent, in [0, 1].
        generator: Gives all random numbers of the step, the same on all ranks.
        ranks: The processes that share the step.
    """

    number: int
    progress: float
    generator: torch.Generator
    ranks: Ranks = ALONE
