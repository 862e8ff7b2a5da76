"""Rays of pixels and pixels of points, exact for distorted lenses."""

from __future__ import annotations

import torch
from torch import Tensor

from nfield.ops import check
from nfield.ops.native import empty, native, placed


def _camera_arrays(
    where: str, camera_to_world: Tensor, intrinsics: Tensor, distortion: Tensor, lens: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    count = len(camera_to_world)
    return (
        check.floats(where, "camera_to_world", camera_to_world, None, 3, 4),
        check.floats(where, "intrinsics", intrinsics, count, 4),
        check.floats(where, "distortion", distortion, count, 6),
        check.dense(where, "lens", lens, torch.int32, count),
    )


def _camera_index(where: str, index: Tensor, cameras: int) -> Tensor:
    """On a GPU the values are the caller's promise: to read them would mean to wait for them."""
    index = check.dense(where, "index", index, torch.int64, None)
    if index.is_cuda or not len(index):
        return index
    if not (int(index.min()) >= 0 and int(index.max()) < cameras):
        raise ValueError(
            f"{where}: index must be from 0 to {cameras - 1}, "
            f"got {int(index.min())} to {int(index.max())}"
        )
    return index


@placed
def generate_rays(
    camera_to_world: Tensor,
    intrinsics: Tensor,
    distortion: Tensor,
    lens: Tensor,
    index: Tensor,
    pixels: Tensor,
) -> tuple[Tensor, Tensor]:
    """Origin and unit direction, in world space, of the ray through each pixel.

    Shape
        camera_to_world ``(C, 3, 4)``, intrinsics ``(C, 4)`` fx fy cx cy, distortion ``(C, 6)``
        k1 k2 k3 k4 p1 p2, lens ``(C,)`` int32 (0 opencv, 1 fisheye), index ``(R,)`` int64, pixels
        ``(R, 2)`` -> origins, directions ``(R, 3)`` float32
    Units
        pixels from the image's upper left corner, centres at +0.5
    Raises
        TypeError, ValueError: another dtype or shape, an index without camera.
    Source
        csrc/math/camera.h (the lens is inverted by Newton's method, in float64)
    """
    arrays = _camera_arrays("rays", camera_to_world, intrinsics, distortion, lens)
    index = _camera_index("rays", index, len(arrays[0]))
    pixels = check.floats("rays", "pixels", pixels, len(index), 2)
    origins, directions = empty(len(index), 3), empty(len(index), 3)
    native.camera_rays(*arrays, index, pixels, origins, directions)
    return origins, directions


@placed
def project(
    camera_to_world: Tensor,
    intrinsics: Tensor,
    distortion: Tensor,
    lens: Tensor,
    index: Tensor,
    points: Tensor,
) -> tuple[Tensor, Tensor]:
    """Pixel and depth along the optical axis of world points: the inverse of `generate_rays`.

    Shape
        cameras as in `generate_rays`, index ``(R,)`` int64, points ``(R, 3)`` -> pixels ``(R, 2)``,
        depth ``(R,)`` float32; behind an opencv lens (depth <= 0) the pixel is NaN
    Raises
        TypeError, ValueError: another dtype or shape, an index without camera.
    Source
        csrc/math/camera.h
    """
    arrays = _camera_arrays("project", camera_to_world, intrinsics, distortion, lens)
    index = _camera_index("project", index, len(arrays[0]))
    points = check.floats("project", "points", points, len(index), 3)
    pixels, depth = empty(len(index), 2), empty(len(index))
    native.camera_project(*arrays, index, points, pixels, depth)
    return pixels, depth
