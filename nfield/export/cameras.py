"""Cameras and camera paths as nerfstudio's JSON, in the input's frame.

nerfstudio has OpenGL axes (x right, y up, z backward) and moves and scales what it reads unless
told `--orientation-method none --center-method none --auto-scale-poses False`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nfield.data.scene import Views
from nfield.errors import InputError
from nfield.files import replacing, require_suffix
from nfield.render.cameras import LENSES, Cameras

FPS = 30.0
_MODELS = {"opencv": "OPENCV", "fisheye": "OPENCV_FISHEYE"}
_DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")
_OPENGL = np.array([1.0, -1.0, -1.0, 1.0])
_CENTERED = 1e-3  # of a side: the principal point of a path's camera is in the middle


def write_transforms(path: Path, splits: Mapping[str, Views]) -> None:
    """Write the cameras of splits as transforms.json; pictures are named NAME.png, not written.

    Raises:
        InputError: the name does not end in .json, or the place cannot be written to.
    """
    document: dict[str, Any] = {"frames": []}
    for split, views in splits.items():
        files = [f"{name}.png" for name in views.names]
        document[f"{split}_filenames"] = files
        frames = frames_of(views.cameras)
        document["frames"] += [{"file_path": f} | frame for f, frame in zip(files, frames)]
    write_json(path, document)


def frames_of(cameras: Cameras) -> list[dict[str, Any]]:
    """A frame of transforms.json for each camera, without its file."""
    frames = []
    for i in range(len(cameras)):
        fx, fy, cx, cy = cameras.intrinsics[i].tolist()
        width, height = cameras.size[i].tolist()
        frames.append(
            {
                "camera_model": _MODELS[LENSES[int(cameras.lens[i])]],
                **{"fl_x": fx, "fl_y": fy, "cx": cx, "cy": cy, "w": width, "h": height},
                **dict(zip(_DISTORTION, cameras.distortion[i].tolist())),
                "transform_matrix": _opengl(cameras, i),
            }
        )
    return frames


def write_camera_path(path: Path, cameras: Cameras) -> None:
    """Write cameras as a camera path of nerfstudio's viewer, 30 frames a second.

    Raises:
        InputError: cameras that such a path cannot hold: of several sizes, with a distortion, or
            with a principal point that is not in the middle; a name that does not end in .json; a
            place that cannot be written to.
    """
    _require_plain(cameras)
    width, height = cameras.size[0].tolist()
    frames = [
        {
            "camera_to_world": [v for row in _opengl(cameras, i) for v in row],
            "fov": math.degrees(2 * math.atan(height / 2 / float(cameras.intrinsics[i, 1]))),
            "aspect": width / height,
        }
        for i in range(len(cameras))
    ]
    document = {
        "camera_type": "perspective",
        "render_width": width,
        "render_height": height,
        "fps": FPS,
        "seconds": len(frames) / FPS,
        "smoothness_value": 0,
        "is_cycle": False,
        "keyframes": [],
        "camera_path": frames,
    }
    write_json(path, document)


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write JSON, whole or not at all.

    Raises:
        InputError: the name does not end in .json, or the place cannot be written to.
    """
    require_suffix(path, "cameras", ".json")
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _opengl(cameras: Cameras, index: int) -> list[list[float]]:
    pose = cameras.camera_to_world[index].double().numpy() * _OPENGL
    return [*pose.tolist(), [0.0, 0.0, 0.0, 1.0]]


def _require_plain(cameras: Cameras) -> None:
    size = cameras.size.float()
    off = (cameras.intrinsics[:, 2:] / size - 0.5).abs().amax(1)
    square = (cameras.intrinsics[:, 0] / cameras.intrinsics[:, 1] - 1).abs()
    plain = (cameras.distortion == 0).all(1) & (cameras.lens == 0)
    same = (cameras.size == cameras.size[0]).all(1)
    wrong = (~(plain & same) | (off > _CENTERED) | (square > _CENTERED)).nonzero()
    if len(wrong):
        raise InputError(
            f"--path: nerfstudio's camera paths hold pinholes of one size, centred, with square "
            f"pixels, got another at frame {int(wrong[0])}; write the cameras of a split instead"
        )
