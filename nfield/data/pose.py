"""Poses: rigid camera-to-world matrices, checked as they are read."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nfield.errors import InputError

# Numbers beyond this are not lengths or pixels of anything, and would overflow float32 when
# squared.
LARGEST = 1e15
_TOLERANCE = 1e-3  # of what should be orthonormal, in files of few digits


def rigid(matrix: np.ndarray, refuse: Callable[[str], InputError]) -> np.ndarray:
    """A pose with its rotation re-orthonormalised: the nearest rotation, by singular values.

    Args:
        matrix: ``(4, 4)`` or ``(3, 4)``.
        refuse: Makes the exception from the rule that is broken, such as "be finite".

    Returns:
        ``(3, 4)`` float64.
    """
    if matrix.shape not in ((4, 4), (3, 4)):
        raise refuse("be 4x4 or 3x4 numbers")
    if not (np.abs(matrix) <= LARGEST).all():  # false for NaN too
        raise refuse("be finite")
    if len(matrix) == 4 and np.abs(matrix[3] - (0, 0, 0, 1)).max() > _TOLERANCE:
        raise refuse("have 0 0 0 1 as its last row")
    rotation = matrix[:3, :3].astype(np.float64)
    error = np.abs(rotation.T @ rotation - np.eye(3)).max()
    if error > _TOLERANCE or np.linalg.det(rotation) < 0:
        raise refuse("hold a rotation, without scale or reflection, in its left 3x3 part")
    left, _, right = np.linalg.svd(rotation)
    return np.concatenate([left @ right, matrix[:3, 3:]], axis=1)


def inverse(pose: np.ndarray) -> np.ndarray:
    """World-to-camera of camera-to-world, or back: ``(3, 4)`` to ``(3, 4)``."""
    turned: np.ndarray = pose[:, :3].T
    return np.concatenate([turned, -turned @ pose[:, 3:]], axis=1)
