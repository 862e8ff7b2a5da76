"""The training curve of a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

POINTS = 400  # shown


class Curve:
    """PSNR of the batches over the seconds of training.

    Args:
        records: What the run's log holds already.
    """

    def __init__(self, records: Sequence[Mapping[str, Any]]):
        self._points: list[tuple[float, float]] = []
        for record in records:
            self.add(record)

    def add(self, record: Mapping[str, Any]) -> None:
        """Take up the record of a step, unless it says nothing new."""
        psnr, seconds = record.get("psnr"), float(record.get("seconds", 0.0))
        if psnr is not None and (not self._points or seconds > self._points[-1][0]):
            self._points.append((seconds, float(psnr)))

    def shown(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Seconds and PSNR of evenly chosen points, fewer than twice `POINTS`."""
        stride = max(1, len(self._points) // POINTS)
        points = np.array(self._points[::stride]).reshape(-1, 2)
        return points[:, 0].copy(), points[:, 1].copy()
