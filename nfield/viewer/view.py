"""A visitor's camera, and what it is in the engine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nfield.data.pose import LARGEST
from nfield.render.cameras import Cameras

NARROWEST, WIDEST = math.radians(1.0), math.radians(170.0)  # fields of view
SLIMMEST, BROADEST = 0.1, 10.0  # width by height


@dataclass(frozen=True)
class View:
    """A pinhole camera whose picture can have any number of pixels.

    Shape
        pose ``(3, 4)`` float64 camera-to-world, OpenCV axes
    Units
        fov in radians, of the picture's height; aspect its width by its height
    """

    pose: NDArray[np.float64]
    fov: float
    aspect: float

    @classmethod
    def of_quaternion(
        cls, wxyz: Sequence[float], position: Sequence[float], fov: float, aspect: float
    ) -> View:
        """The view of a rotation as a quaternion w, x, y, z, of any length but zero.

        Raises:
            ValueError: numbers that are no camera.
        """
        numbers = np.array([*wxyz, *position, fov, aspect], np.float64)
        if numbers.shape != (9,) or not (np.abs(numbers) < LARGEST).all():
            raise ValueError("camera: numbers must be nine and finite")
        if np.linalg.norm(numbers[:4]) < 1e-6:
            raise ValueError("camera: quaternion must not be zero")
        if not NARROWEST <= fov <= WIDEST:
            raise ValueError(f"camera: field of view must be from 1 to 170 degrees, got {fov} rad")
        pose = np.column_stack([rotation_of(numbers[:4]), numbers[4:7]])
        return cls(pose, float(fov), min(max(float(aspect), SLIMMEST), BROADEST))

    @classmethod
    def of_camera(cls, cameras: Cameras, index: int) -> View:
        """The view of one camera, without its distortion."""
        width, height = (float(side) for side in cameras.size[index])
        fov = 2 * math.atan(height / 2 / float(cameras.intrinsics[index, 1]))
        return cls(cameras.camera_to_world[index].double().numpy(), fov, width / height)

    @property
    def position(self) -> NDArray[np.float64]:
        """Where the camera is ``(3,)``."""
        where: NDArray[np.float64] = self.pose[:, 3]
        return where

    @property
    def wxyz(self) -> NDArray[np.float64]:
        """The rotation as a unit quaternion ``(4,)`` with w >= 0."""
        return quaternion_of(self.pose[:, :3])

    def cameras(self, width: int, height: int) -> Cameras:
        """One camera with so many pixels, which are not square where their ratio is not `aspect`.

        Formula
            fy = height / (2 tan(fov / 2)), fx = width / (2 aspect tan(fov / 2))
        """
        half = math.tan(self.fov / 2)
        lens = [width / (2 * self.aspect * half), height / (2 * half), width / 2, height / 2]
        return Cameras(
            torch.from_numpy(self.pose)[None].float(),
            torch.tensor([lens], dtype=torch.float32),
            torch.zeros(1, 6),
            torch.zeros(1, dtype=torch.int32),
            torch.tensor([[width, height]], dtype=torch.int32),
        )


def rotation_of(wxyz: NDArray[Any]) -> NDArray[np.float64]:
    """The rotation ``(3, 3)`` of a quaternion ``(4,)`` of any length."""
    w, x, y, z = wxyz / np.linalg.norm(wxyz)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def quaternion_of(rotation: NDArray[Any]) -> NDArray[np.float64]:
    r"""The unit quaternion ``(4,)``, w >= 0, of a rotation ``(3, 3)``.

    Formula
        the eigenvector of the largest eigenvalue of the symmetric matrix K
    Source
        Bar-Itzhack 2000, "New method for extracting the quaternion from a rotation matrix"
    """
    (a, b, c), (d, e, f), (g, h, i) = rotation
    matrix = np.array(
        [
            [a + e + i, h - f, c - g, d - b],
            [h - f, a - e - i, b + d, c + g],
            [c - g, b + d, e - a - i, f + h],
            [d - b, c + g, f + h, i - a - e],
        ]
    )
    found: NDArray[np.float64] = np.linalg.eigh(matrix)[1][:, -1]
    return found if found[0] >= 0 else -found
