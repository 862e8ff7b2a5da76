"""Camera paths: an orbit around the scene, and the JSON file that holds any path.

The file, all lengths in the world's units and all else in pixels::

    {"version": 1,
     "frames": [{"camera_to_world": 3 or 4 rows of 4 numbers, OpenCV axes,
                 "intrinsics": [fx, fy, cx, cy], "size": [width, height],
                 "lens": "opencv", "distortion": [k1, k2, k3, k4, p1, p2]}]}

``lens`` and ``distortion`` may be left out. Camera paths of nerfstudio's viewer (``camera_path``,
OpenGL axes, vertical ``fov`` in degrees) are read too, their poses taken as the input's frame.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nfield.errors import InputError
from nfield.files import replacing
from nfield.render.cameras import LENSES, Cameras
from nfield.render.focus import find_focus

VERSION = 1
MAX_FRAMES = 100_000
MAX_SIDE = 16_384  # pixels
_REQUIRED = ("camera_to_world", "intrinsics", "size")
_OPTIONAL = ("lens", "distortion")
_STEEPEST = math.radians(85.0)  # beyond it the horizon, and with it "up" in the picture, is lost


def orbit(cameras: Cameras, frames: int, size: tuple[int, int] | None = None) -> Cameras:
    """Pinhole cameras on a circle around what the given cameras look at.

    Formula
        The focus is that of `nfield.render.focus`, or a point ahead of the cameras where there is
        none; up is the mean of the cameras' up directions. The circle keeps the median distance to
        the focus and the median elevation above it, starts at the first camera's azimuth, runs
        anticlockwise seen from above and closes without repeating a frame.
    Shape
        C cameras -> `frames` cameras of `size` (width, height), by default the first camera's;
        the vertical field of view is the median one
    Raises
        InputError: `frames` below 1, no camera, a side of `size` below 1 or above 16384.
    """
    if frames < 1 or frames > MAX_FRAMES:
        raise InputError(f"--frames: must be from 1 to {MAX_FRAMES}, got {frames}")
    if not len(cameras):
        raise InputError("orbit: needs at least one camera to find the scene, got none")
    width, height = size if size is not None else cameras.size[0].tolist()
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise InputError(f"orbit: size must be from 1 to {MAX_SIDE} pixels, got {width}x{height}")
    pose = cameras.camera_to_world.double().cpu().numpy()
    up = _unit(-pose[:, :, 1].mean(0), fallback=-pose[0, :, 1])
    focus = find_focus(cameras)
    if focus is None:
        focus = _ahead(pose)
    offset = pose[:, :, 3] - focus
    distance = np.linalg.norm(offset, axis=1)
    level = np.arcsin(np.clip(offset @ up / np.maximum(distance, 1e-12), -1.0, 1.0))
    elevation = float(np.clip(np.median(level), -_STEEPEST, _STEEPEST))
    ahead = _unit(offset[0] - (offset[0] @ up) * up, fallback=_across(up))
    aside = np.cross(up, ahead)
    turn = 2.0 * math.pi * np.arange(frames)[:, None] / frames
    around = np.cos(turn) * ahead + np.sin(turn) * aside
    radial = math.cos(elevation) * around + math.sin(elevation) * up
    poses = _look_at(focus + float(np.median(distance)) * radial, -radial, up)
    view = cameras.intrinsics[:, 1].double() / cameras.size[:, 1].double()
    focal = float(np.median(view.cpu().numpy())) * height
    return _cameras(
        poses,
        np.tile([focal, focal, width / 2.0, height / 2.0], (frames, 1)),
        np.tile([width, height], (frames, 1)),
    )


def save_path(file: str | Path, cameras: Cameras) -> None:
    """Write cameras as a path file, exactly. Raises InputError when the place is not writable."""
    frames = [
        {
            "camera_to_world": cameras.camera_to_world[i].tolist(),
            "intrinsics": cameras.intrinsics[i].tolist(),
            "size": cameras.size[i].tolist(),
            "lens": LENSES[int(cameras.lens[i])],
            "distortion": cameras.distortion[i].tolist(),
        }
        for i in range(len(cameras))
    ]
    rows = ",\n  ".join(json.dumps(frame) for frame in frames)
    with replacing(file) as temporary:
        temporary.write_text(f'{{"version": {VERSION},\n "frames": [\n  {rows}\n]}}\n')


def load_path(file: str | Path) -> Cameras:
    """Read a path file.

    Raises:
        InputError: no such file, not JSON, an unknown version or key, a number that is not finite,
            a rotation that is none, a focal length or size that is not positive.
    """
    document = _read(Path(file))
    foreign = "camera_path" in document
    frames = _nerfstudio_frames(document, file) if foreign else _own_frames(document, file)
    parse = _nerfstudio_frame if foreign else _own_frame
    if not 1 <= len(frames) <= MAX_FRAMES:
        raise InputError(
            f"{file}: a path must have from 1 to {MAX_FRAMES} frames, got {len(frames)}"
        )
    parsed = [parse(frame, f"{file}: frame {i}") for i, frame in enumerate(frames)]
    pose, intrinsics, size, lens, distortion = (
        np.stack(column) for column in zip(*parsed, strict=True)
    )
    return _cameras(pose, intrinsics, size, lens, distortion)


def _ahead(pose: NDArray[Any]) -> NDArray[Any]:
    """A point one size of the cameras' cloud ahead of it, where their axes meet nowhere."""
    origin, forward = pose[:, :, 3], pose[:, :, 2]
    size = float(np.median(np.linalg.norm(origin - origin.mean(0), axis=1))) or 1.0
    point: NDArray[Any] = origin.mean(0) + size * _unit(forward.mean(0), fallback=forward[0])
    return point


def _unit(vector: NDArray[Any], *, fallback: NDArray[Any]) -> NDArray[Any]:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 1e-6 else fallback / np.linalg.norm(fallback)


def _across(vector: NDArray[Any]) -> NDArray[Any]:
    return np.cross(vector, np.eye(3)[np.argmin(np.abs(vector))])


def _look_at(origin: NDArray[Any], forward: NDArray[Any], up: NDArray[Any]) -> NDArray[Any]:
    right = np.cross(forward, up)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    return np.stack([right, np.cross(forward, right), forward, origin], axis=2)


def _cameras(
    pose: NDArray[Any],
    intrinsics: NDArray[Any],
    size: NDArray[Any],
    lens: NDArray[Any] | None = None,
    distortion: NDArray[Any] | None = None,
) -> Cameras:
    count = len(pose)
    return Cameras(
        torch.as_tensor(pose, dtype=torch.float32),
        torch.as_tensor(intrinsics, dtype=torch.float32),
        torch.as_tensor(np.zeros((count, 6)) if distortion is None else distortion).float(),
        torch.as_tensor(np.zeros(count) if lens is None else lens).int(),
        torch.as_tensor(size, dtype=torch.int32),
    )


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise InputError(f"{file}: camera path must be a file, got none; check --path")
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{file}: camera path must be JSON, got text that is not: {error}"
        ) from error
    if not isinstance(document, dict):
        raise InputError(f"{file}: camera path must be an object, got {type(document).__name__}")
    return document


def _own_frames(document: dict[str, Any], file: str | Path) -> list[Any]:
    if document.get("version") != VERSION or isinstance(document["version"], bool):
        raise InputError(
            f"{file}: version must be {VERSION}, got {document.get('version')!r}; "
            "write the path with nfield.render.path.save_path"
        )
    _known(document, ("version", "frames"), (), str(file))
    return _list(document["frames"], f"{file}: frames")


def _own_frame(frame: Any, where: str) -> tuple[Any, ...]:
    _known(frame, _REQUIRED, _OPTIONAL, where)
    rows = _list(frame["camera_to_world"], f"{where}: camera_to_world")
    if len(rows) not in (3, 4):
        raise InputError(f"{where}: camera_to_world must have 3 or 4 rows, got {len(rows)}")
    matrix = np.stack([_numbers(row, 4, f"{where}: camera_to_world row") for row in rows])
    lens = frame.get("lens", LENSES[0])
    if lens not in LENSES:
        raise InputError(f"{where}: lens must be one of {', '.join(LENSES)}, got {lens!r}")
    intrinsics = _numbers(frame["intrinsics"], 4, f"{where}: intrinsics")
    if intrinsics[:2].astype(np.float32).min() <= 0.0:
        raise InputError(f"{where}: focal lengths must be positive, got {intrinsics[:2].tolist()}")
    distortion = _numbers(frame.get("distortion", [0] * 6), 6, f"{where}: distortion")
    size = _size(frame["size"], f"{where}: size")
    return _pose(matrix, where), intrinsics, size, np.int32(LENSES.index(lens)), distortion


def _nerfstudio_frames(document: dict[str, Any], file: str | Path) -> list[Any]:
    kind = document.get("camera_type", "perspective")
    if kind != "perspective":
        raise InputError(f"{file}: camera_type must be 'perspective', got {kind!r}")
    size = [document.get("render_width"), document.get("render_height")]
    frames = _list(document["camera_path"], f"{file}: camera_path")
    return [{"frame": frame, "size": size} for frame in frames]


def _nerfstudio_frame(entry: dict[str, Any], where: str) -> tuple[Any, ...]:
    frame = entry["frame"]
    if not isinstance(frame, dict):
        raise InputError(f"{where}: must be an object, got {type(frame).__name__}")
    size = _size(entry["size"], f"{where}: render_width and render_height")
    matrix = _numbers(frame.get("camera_to_world"), 16, f"{where}: camera_to_world").reshape(4, 4)
    (fov,) = _numbers([frame.get("fov")], 1, f"{where}: fov")
    if not 0.0 < fov < 180.0:
        raise InputError(f"{where}: fov must be between 0 and 180 degrees, got {fov}")
    focal = size[1] / 2.0 / math.tan(math.radians(fov) / 2.0)
    intrinsics = np.array([focal, focal, size[0] / 2.0, size[1] / 2.0])
    pose = _pose(matrix, where) * [1.0, -1.0, -1.0, 1.0]  # OpenGL looks along -z with y up
    return pose, intrinsics, size, np.int32(0), np.zeros(6)


def _pose(matrix: NDArray[Any], where: str) -> NDArray[Any]:
    rotation = matrix[:3, :3]
    # 1e-3 admits matrices printed with four digits.
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-3 or np.linalg.det(rotation) < 0.0:
        raise InputError(
            f"{where}: camera_to_world must start with a rotation, got {rotation.tolist()}; "
            "remove scale and mirroring"
        )
    if len(matrix) == 4 and not np.array_equal(matrix[3], [0.0, 0.0, 0.0, 1.0]):
        raise InputError(
            f"{where}: camera_to_world must end with the row 0 0 0 1, got {matrix[3].tolist()}"
        )
    return matrix[:3]


def _known(value: Any, required: tuple[str, ...], optional: tuple[str, ...], where: str) -> None:
    if not isinstance(value, dict):
        raise InputError(f"{where}: must be an object, got {type(value).__name__}")
    missing = [key for key in required if key not in value]
    unknown = [key for key in value if key not in required + optional]
    if missing or unknown:
        got = [f"no {key}" for key in missing] + [f"unknown {key!r}" for key in unknown]
        raise InputError(
            f"{where}: keys must be {', '.join(required)}"
            f"{' and perhaps ' + ', '.join(optional) if optional else ''}, got {', '.join(got)}"
        )


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{where}: must be a list, got {type(value).__name__}")
    return value


def _numbers(value: Any, count: int, where: str) -> NDArray[Any]:
    valid = isinstance(value, list) and len(value) == count
    if not valid or any(isinstance(v, bool) or not isinstance(v, int | float) for v in value):
        raise InputError(f"{where}: must be {count} numbers, got {_short(value)}")
    # The largest float32 is 3.4e38; comparing first keeps integers of any length out of float().
    if not all(-1e30 < v < 1e30 for v in value):
        raise InputError(f"{where}: must be finite numbers, got {_short(value)}")
    return np.array(value, np.float64)


def _size(value: Any, where: str) -> NDArray[Any]:
    valid = isinstance(value, list) and len(value) == 2
    if not valid or any(type(v) is not int or not 1 <= v <= MAX_SIDE for v in value):
        raise InputError(
            f"{where}: must be two whole numbers from 1 to {MAX_SIDE}, got {_short(value)}"
        )
    return np.array(value, np.int32)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
