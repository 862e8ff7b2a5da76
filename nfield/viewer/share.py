"""The share of the time that showing may take from training."""

from __future__ import annotations

BURST = 0.25  # seconds that rest saves up, so that the first picture after it comes at once


class Share:
    r"""An account that training fills and showing empties.

    Formula
        shown <= BURST + trained share / (1 - share), in seconds, up to the one chunk of rays with
        which the account is overdrawn

    Args:
        share: In (0, 1), of the time of both.
    """

    def __init__(self, share: float):
        self._ratio = share / (1 - share)
        self._left = BURST

    @property
    def left(self) -> float:
        """Seconds that may be spent now; below zero where training is owed some."""
        return self._left

    def trained(self, seconds: float) -> None:
        """Training took so long."""
        self._left = min(self._left + seconds * self._ratio, BURST)

    def shown(self, seconds: float) -> None:
        """Showing took so long."""
        self._left -= seconds
