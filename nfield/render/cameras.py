"""Cameras: from pixels to rays and from points to pixels.

Convention: OpenCV axes (x right, y down, z forward), camera-to-world matrices, pixel centres at
+0.5, so that the image covers [0, width] x [0, height].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nfield.ops import rays as ops

LENSES = ("opencv", "fisheye")


@dataclass(frozen=True)
class Cameras:
    """C posed cameras, each with its own lens and image size.

    Formula: with (x, y) the point divided by its depth and r2 = x^2 + y^2, the opencv lens maps
    (x, y) -> (x, y) (1 + k1 r2 + k2 r2^2 + k3 r2^3 + k4 r2^4) + tangential (p1, p2); the fisheye
    lens scales (x, y) to the length theta (1 + k1 theta^2 + k2 theta^4 + k3 theta^6 + k4 theta^8),
    theta the angle to the optical axis. Pixels are (fx x + cx, fy y + cy).
    Shape: camera_to_world (C, 3, 4) float32; intrinsics (C, 4) float32 fx fy cx cy; distortion (C,
    6) float32 k1 k2 k3 k4 p1 p2; lens (C,) int32 index into LENSES; size (C, 2) int32 width,
    height.
    Units: translations in the world's units, intrinsics and sizes in pixels.
    Source: OpenCV, camera calibration and 3D reconstruction; kernel in `ops/rays.py`.
    """

    camera_to_world: Tensor
    intrinsics: Tensor
    distortion: Tensor
    lens: Tensor
    size: Tensor

    def __post_init__(self) -> None:
        count = len(self.camera_to_world)
        for name, shape, dtype in (
            ("camera_to_world", (count, 3, 4), torch.float32),
            ("intrinsics", (count, 4), torch.float32),
            ("distortion", (count, 6), torch.float32),
            ("lens", (count,), torch.int32),
            ("size", (count, 2), torch.int32),
        ):
            value = getattr(self, name)
            if tuple(value.shape) != shape:
                raise ValueError(
                    f"Cameras: {name} must have shape {shape}, got {tuple(value.shape)}"
                )
            if value.dtype != dtype:
                raise TypeError(f"Cameras: {name} must be {dtype}, got {value.dtype}")

    def __len__(self) -> int:
        return len(self.camera_to_world)

    def __getitem__(self, index: int | slice | Sequence[int] | Tensor) -> Cameras:
        """The chosen cameras, always as Cameras: an int gives one camera."""
        if isinstance(index, int):
            index = [index]
        elif not isinstance(index, slice | Tensor):
            index = list(index)
        fields = (self.camera_to_world, self.intrinsics, self.distortion, self.lens, self.size)
        return Cameras(*(field[index] for field in fields))

    def pixels(self, index: int) -> Tensor:
        """Centres of all pixels of one camera, row by row: (H W, 2) float32."""
        width, height = (int(side) for side in self.size[index])
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        return torch.stack([x, y], -1).view(-1, 2) + 0.5

    def to(self, device: torch.device) -> Cameras:
        """The cameras in the memory of a device."""
        fields = (self.camera_to_world, self.intrinsics, self.distortion, self.lens, self.size)
        return Cameras(*(field.to(device) for field in fields))

    def rays(self, index: Tensor, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """World rays through pixel positions.

        Shape: index (R,) int64 camera of each ray, pixels (R, 2) float32 -> origins (R, 3), unit
        directions (R, 3) float32.
        Units: pixels, centre of the first at (0.5, 0.5); origins in world units.
        """
        return ops.generate_rays(
            self.camera_to_world, self.intrinsics, self.distortion, self.lens, index, pixels
        )

    def project(self, index: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Pixel positions of world points, and their depth along the optical axis (positive in
        front).

        Shape: index (R,) int64, points (R, 3) float32 -> pixels (R, 2), depth (R,) float32.
        """
        return ops.project(
            self.camera_to_world, self.intrinsics, self.distortion, self.lens, index, points
        )

    def scaled(self, factor: int) -> Cameras:
        """Cameras of the images downscaled by an integer factor, the remainder at the right and
        bottom cropped first.

        Formula: size = floor(size / factor), intrinsics / factor.
        """
        if factor < 1 or bool((self.size < factor).any()):
            raise ValueError(
                f"Cameras.scaled: factor must be from 1 to the smallest image side, got {factor}"
            )
        return Cameras(
            self.camera_to_world,
            self.intrinsics / factor,
            self.distortion,
            self.lens,
            torch.div(self.size, factor, rounding_mode="floor"),
        )
