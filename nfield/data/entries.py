"""Entries: the frames that transforms.json files list, checked one by one.

Source: the conventions of NeRF's Blender exporter, instant-ngp (docs/nerf_dataset_tips.md) and
nerfstudio (quickstart/data_conventions): OpenGL cameras, camera-to-world, turned here to OpenCV.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from nfield.data.document import Document
from nfield.data.frames import Frame
from nfield.data.images import Header, header
from nfield.data.lens import Lens
from nfield.errors import InputError

CAMERA_MODELS = {
    "SIMPLE_PINHOLE": "opencv",
    "PINHOLE": "opencv",
    "SIMPLE_RADIAL": "opencv",
    "RADIAL": "opencv",
    "OPENCV": "opencv",
    "OPENCV_FISHEYE": "fisheye",
}
EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".PNG", ".JPG", ".JPEG")
_OTHER_LENSES = ("ftheta_p0", "equirectangular", "latlong")


def read_frames(document: Document, root: Path) -> tuple[list[Frame], int]:
    """The frames of a document in their order, and how many were left out for want of their image.

    As in instant-ngp, only frames with a `sharpness` (written by its capture script, whose users
    delete blurred photos) may lack their image; any other missing image is an error.

    Raises: InputError naming the frame and the key.
    """
    frames = []
    entries = document.objects("frames")
    for entry in entries:
        image = _image_file(entry, root)
        if image is not None:
            frames.append(_frame(entry, image, root))
    if not frames:
        raise InputError(
            f"{document.where}: frames must have their images in {root}, got none; copy them there"
        )
    return frames, len(entries) - len(frames)


def _frame(entry: Document, image: Path, root: Path) -> Frame:
    info = header(image)
    for key, size in (("w", info.width), ("h", info.height)):
        stated = entry.positive(key)
        if stated is not None and stated != size:
            raise entry.refuse(
                key,
                f"equal the size of {image} ({info.width}x{info.height})",
                "correct it together with the intrinsics, or restore the image",
            )
    mask_path = entry.text("mask_path")
    mask = None if mask_path is None else _inside(entry, "mask_path", root)
    if mask is not None:
        found = header(mask) if mask.is_file() else None
        if found is None or (found.width, found.height) != (info.width, info.height):
            raise entry.refuse(
                "mask_path", f"name an image of {info.width}x{info.height} pixels", "restore it"
            )
    keys = ("k1", "k2", "k3", "k4", "p1", "p2")
    distortion = tuple(entry.number(key, 0.0) for key in keys)
    return Frame(
        file_path=entry.values["file_path"],
        image=image,
        mask=mask,
        name=image.relative_to(root.resolve()).with_suffix("").as_posix(),
        camera_to_world=flip_axes(entry.pose("transform_matrix")),
        lens=Lens(_lens(entry), _intrinsics(entry, info), distortion),
        header=info,
        time=None if entry.get("time") is None else entry.number("time"),
    )


def flip_axes(pose: np.ndarray) -> np.ndarray:
    """OpenGL axes (x right, y up, z backward) to OpenCV, or back: two columns change sign."""
    return pose * np.array([1.0, -1.0, -1.0, 1.0])


def _lens(entry: Document) -> str:
    for key in _OTHER_LENSES:
        if entry.get(key):
            raise entry.refuse(key, "be absent", "undistort the images to a pinhole camera first")
    model = entry.get("camera_model")
    if model is not None and (not isinstance(model, str) or model not in CAMERA_MODELS):
        raise entry.refuse(
            "camera_model", f"be one of {', '.join(CAMERA_MODELS)}", "undistort the images first"
        )
    if entry.flag("is_fisheye"):
        return "fisheye"
    return "opencv" if model is None else CAMERA_MODELS[model]


def _intrinsics(entry: Document, info: Header) -> tuple[float, float, float, float]:
    """fx fy cx cy in pixels; from the fields of view where the focal lengths are not stated."""
    fx = entry.positive("fl_x") or _focal(entry, "camera_angle_x", info.width)
    if fx is None:
        raise InputError(
            f"{entry.where}: fl_x or camera_angle_x must be present; add the focal length in pixels"
        )
    fy = entry.positive("fl_y") or _focal(entry, "camera_angle_y", info.height) or fx
    return fx, fy, entry.number("cx", info.width / 2), entry.number("cy", info.height / 2)


def _focal(entry: Document, key: str, side: int) -> float | None:
    """Focal length in pixels from the full angle of view: side / (2 tan(angle / 2))."""
    angle = entry.positive(key)
    if angle is None:
        return None
    if angle >= math.pi - 1e-6:
        raise entry.refuse(key, "be between 0 and pi radians", "correct it, or give fl_x and fl_y")
    return side / (2 * math.tan(angle / 2))


def _image_file(entry: Document, root: Path) -> Path | None:
    """The image of a frame; None when it is missing and may be."""
    if "file_path" not in entry.values or entry.text("file_path") is None:
        raise InputError(f"{entry.where}: file_path must be present; add the image's path")
    path = _inside(entry, "file_path", root)
    if path.is_file():
        return path
    for extension in EXTENSIONS:
        candidate = _resolve(entry, "file_path", Path(f"{path}{extension}"), root)
        if candidate.is_file():
            return candidate
    if "sharpness" in entry.values:
        return None
    raise InputError(
        f"{entry.where}: file_path must name an image, got {entry.get('file_path')!r}, "
        f"and there is no {path}; restore the image or remove the frame"
    )


def _inside(entry: Document, key: str, root: Path) -> Path:
    """The path that a key gives, resolved, refused when it leaves the dataset's folder. Backslashes
    separate too.
    """
    return _resolve(entry, key, root / str(entry.get(key)).replace("\\", "/"), root)


def _resolve(entry: Document, key: str, path: Path, root: Path) -> Path:
    try:
        resolved = path.resolve()
        resolved.is_file()
    except (
        OSError,
        ValueError,
        RuntimeError,
    ) as error:  # NUL bytes, names too long, loops of links
        raise entry.refuse(key, "be a usable path", "correct it") from error
    if not resolved.is_relative_to(root.resolve()):
        raise entry.refuse(
            key, f"stay inside {root}", "copy the image into the folder and correct the path"
        )
    return resolved
