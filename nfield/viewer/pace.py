"""How many rays a second are rendered, as measured."""

from __future__ import annotations

FIRST_SPEED = 20_000.0  # before any was measured
LEAST_RAYS = 64  # at a time


class Pace:
    """The running mean of a speed, which follows the scene as the camera moves."""

    def __init__(self) -> None:
        self.speed = FIRST_SPEED

    def rays(self, seconds: float) -> int:
        """How many rays about so long a time takes."""
        return max(int(seconds * self.speed), LEAST_RAYS)

    def measured(self, rays: int, seconds: float) -> None:
        """So many rays took so long."""
        self.speed = (self.speed + rays / max(seconds, 1e-6)) / 2
