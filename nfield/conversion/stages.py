"""From shallow to deep: what of a student is compared, at which share of the distillation."""

from __future__ import annotations

from dataclasses import dataclass

LATENT, DENSITY, COLOR, PIXEL = 1.0, 1.0, 1.0, 100.0  # weights of the stages' errors


@dataclass(frozen=True)
class Weights:
    """Of the errors in the loss of a step."""

    latent: float
    density: float
    color: float
    pixel: float


@dataclass(frozen=True)
class Stages:
    """Shares of the distillation, in order.

    Source: Fang et al. 2023, Progressive Volume Distillation, arXiv:2211.15977, Sec. 3.4

    Args:
        latents: In which latents and densities are compared.
        points: In which densities and colours are; then rendered pixels join.
    """

    latents: float
    points: float

    def at(self, progress: float) -> Weights:
        """The weights at a share of the distillation."""
        if progress < self.latents:
            return Weights(LATENT, DENSITY, 0.0, 0.0)
        if progress < self.latents + self.points:
            return Weights(0.0, DENSITY, COLOR, 0.0)
        return Weights(0.0, DENSITY, COLOR, PIXEL)
