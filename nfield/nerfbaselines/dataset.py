"""A dataset of NerfBaselines as a scene: posed images that lie in memory."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nfield.data.scene import Scene, Views
from nfield.errors import InputError
from nfield.render.cameras import LENSES, Cameras

# Their camera models, in the order of their numbers, as far as lenses hold them exactly.
MODELS = ("pinhole", "opencv", "opencv_fisheye")
_LENS = {"pinhole": "opencv", "opencv": "opencv", "opencv_fisheye": "fisheye"}


@dataclass(frozen=True)
class Loaded:
    """Images in memory: a `Source`."""

    images: Sequence[np.ndarray]
    masks: Sequence[np.ndarray] | None
    size: np.ndarray  # (N, 2) width, height; arrays may be padded to a common one

    def image(self, i: int) -> np.ndarray:
        """(H, W, C) uint8."""
        width, height = self.size[i]
        image = self.images[i][:height, :width]
        if image.dtype != np.uint8:
            raise InputError(f"image {i}: values must be 8 bits each, got {image.dtype}")
        return image

    def mask(self, i: int) -> np.ndarray | None:
        """(H, W) bool, True where the pixel counts; None when all do."""
        if self.masks is None:
            return None
        width, height = self.size[i]
        inside: np.ndarray = self.masks[i][:height, :width] > 0
        return inside

    def truth(self, i: int) -> None:
        """Photos have none."""


def to_scene(dataset: Mapping[str, Any]) -> Scene:
    """The training views; NerfBaselines keeps the others to itself."""
    cameras, images = dataset["cameras"], dataset["images"]
    root = dataset["image_paths_root"]
    names = tuple(os.path.relpath(path, root) for path in dataset["image_paths"])
    source = Loaded(images, dataset.get("masks"), np.asarray(cameras.image_sizes))
    views = Views(to_cameras(cameras), names, images[0].shape[-1], source)
    return Scene(name="nerfbaselines", path=str(root), splits={"train": views})


def to_cameras(cameras: Any) -> Cameras:
    """Cameras of NerfBaselines: poses and pixels are in the same convention, OpenCV's.

    Distortion is k1 k2 p1 p2 k3 k4 there, of which opencv lenses have the first four.

    Raises:
        InputError: a camera model that lenses do not hold.
    """
    count = len(cameras.poses)
    models = [int(model) for model in cameras.camera_models]
    if max(models) >= len(MODELS):
        raise InputError(
            f"cameras: models must be of {', '.join(MODELS)}, got number {max(models)}; "
            "undistort the images"
        )
    given = torch.zeros(count, 6)
    stated = torch.as_tensor(np.asarray(cameras.distortion_parameters), dtype=torch.float32)
    given[:, : min(stated.shape[1], 6)] = stated[:, :6]
    k1, k2, p1, p2, k3, k4 = given.unbind(1)
    fisheye = torch.tensor([MODELS[model] == "opencv_fisheye" for model in models])
    zero = torch.zeros(count)
    radial = [k1, k2, torch.where(fisheye, k3, zero), torch.where(fisheye, k4, zero)]
    tangential = [torch.where(fisheye, zero, p) for p in (p1, p2)]
    return Cameras(
        torch.as_tensor(np.asarray(cameras.poses)[:, :3, :4], dtype=torch.float32),
        torch.as_tensor(np.asarray(cameras.intrinsics), dtype=torch.float32),
        torch.stack([*radial, *tangential], 1),
        torch.tensor([LENSES.index(_LENS[MODELS[m]]) for m in models], dtype=torch.int32),
        torch.as_tensor(np.asarray(cameras.image_sizes), dtype=torch.int32),
    )
