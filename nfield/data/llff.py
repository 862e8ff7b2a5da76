"""LLFF: poses_bounds.npy, and images in the order of their names.

Source: Mildenhall et al., "Local Light Field Fusion", 2019, and the code that came with it: a row
is a 3 x 5 matrix of camera-to-world (x down, y right, z backward), position, and height, width,
focal length; then the nearest and farthest depth.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nfield.data.arrays import read_npy
from nfield.data.capture import NO_SCALE, Capture
from nfield.data.frames import Frame, hold_out
from nfield.data.lens import Lens
from nfield.data.pictures import Pictures, choose_pictures, list_images, stem
from nfield.data.pose import LARGEST, rigid
from nfield.errors import InputError

FILE = "poses_bounds.npy"
_COLUMNS = 17


def read_llff(folder: Path, downscale: int) -> Capture:
    """Posed images, every eighth of them for testing; `images_K` serves a downscale of K.

    Raises:
        InputError: the array has another shape or wrong values, or there are not as many images as
            poses.
    """
    file = folder / FILE
    rows = read_npy(file)
    if rows.ndim != 2 or rows.shape[1] != _COLUMNS:
        raise InputError(
            f"{file}: poses must have shape (views, {_COLUMNS}), got {rows.shape}; "
            "write the file again"
        )
    pictures = choose_pictures(folder, downscale)
    images = list_images(pictures.folder, folder)
    if len(images) != len(rows):
        raise InputError(
            f"{file}: there must be an image for each pose, in the order of names, got {len(rows)} "
            f"poses and {len(images)} images in {pictures.folder}; restore the images"
        )
    frames = [_frame(pictures, image, row, i) for i, (image, row) in enumerate(zip(images, rows))]
    return Capture(
        folder,
        f"LLFF, {pictures.folder.name}",
        hold_out(frames),
        units=NO_SCALE,
        downscale=pictures.downscale,
    )


def _frame(pictures: Pictures, image: Path, row: np.ndarray, i: int) -> Frame:
    def refuse(rule: str) -> InputError:
        return InputError(f"{pictures.root / FILE}: pose {i} must {rule}; write the file again")

    matrix = row[:15].reshape(3, 5)
    # x down, y right, z backward: right, down, forward are its second, first and negated third.
    axes = np.stack([matrix[:, 1], matrix[:, 0], -matrix[:, 2], matrix[:, 3]], axis=1)
    pose = rigid(axes, refuse)
    height, width, focal = matrix[:, 4].tolist()
    if not all(1e-6 < value <= LARGEST for value in (height, width, focal)):
        raise refuse(
            f"have a positive height, width and focal length, got {height:g}, {width:g}, {focal:g}"
        )
    size = (round(width), round(height))
    info = pictures.checked(image, size)
    lens = Lens("opencv", (focal, focal, width / 2, height / 2))
    return Frame(
        file_path=image.name,
        image=image,
        mask=None,
        name=f"images/{stem(image, pictures.folder)}",
        camera_to_world=pose,
        lens=lens.resized(size, (info.width, info.height)),
        header=info,
    )
