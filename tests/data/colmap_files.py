"""Writes sparse models as COLMAP does, and projects points by its formulas, in float64."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from .formats import opencv_poses

SIZE = (40, 30)
NAMES = [f"IMG_{i:02d}.png" for i in range(9)]
# Every model that COLMAP has: number, parameters.
MODELS: dict[str, tuple[int, list[float]]] = {
    "SIMPLE_PINHOLE": (0, [35.5, 19, 16]),
    "PINHOLE": (1, [35.5, 34.25, 19, 16]),
    "SIMPLE_RADIAL": (2, [35.5, 19, 16, -0.1]),
    "RADIAL": (3, [35.5, 19, 16, -0.1, 0.02]),
    "OPENCV": (4, [35.5, 34.25, 19, 16, -0.1, 0.02, 0.003, -0.004]),
    "OPENCV_FISHEYE": (5, [35.5, 34.25, 19, 16, -0.1, 0.02, 0.003, -0.004]),
    "FULL_OPENCV": (6, [35.5, 34.25, 19, 16, -0.1, 0.02, 0.003, -0.004, 0.05, 0, 0, 0]),
    "FOV": (7, [35.5, 34.25, 19, 16, 0.9]),
    "SIMPLE_RADIAL_FISHEYE": (8, [35.5, 19, 16, -0.1]),
    "RADIAL_FISHEYE": (9, [35.5, 19, 16, -0.1, 0.02]),
    "THIN_PRISM_FISHEYE": (10, [35.5, 34.25, 19, 16, -0.1, 0.02, 0, 0, 0.01, -0.02, 0, 0]),
    "RAD_TAN_THIN_PRISM_FISHEYE": (
        11,
        [35.5, 34.25, 19, 16, -0.1, 0.02, 0.003, -0.004, *[0.0] * 8],
    ),
    "SIMPLE_DIVISION": (12, [35.5, 19, 16, -0.1]),
    "DIVISION": (13, [35.5, 34.25, 19, 16, -0.1]),
    "SIMPLE_FISHEYE": (14, [35.5, 19, 16]),
    "FISHEYE": (15, [35.5, 34.25, 19, 16]),
    "EUCM": (16, [35.5, 34.25, 19, 16, 0.5, 1.0]),
    "EQUIRECTANGULAR": (17, [40, 30]),
}
REFUSED = ("FOV", "SIMPLE_DIVISION", "DIVISION", "EUCM", "EQUIRECTANGULAR")
# Coefficients of the radial polynomial and of the tangential part, after the focal lengths and the
# centre: COLMAP's models.h.
_RADIAL = {
    "SIMPLE_RADIAL": [3],
    "RADIAL": [3, 4],
    "OPENCV": [4, 5],
    "FULL_OPENCV": [4, 5, 8],
    "OPENCV_FISHEYE": [4, 5, 6, 7],
    "SIMPLE_RADIAL_FISHEYE": [3],
    "RADIAL_FISHEYE": [3, 4],
    "THIN_PRISM_FISHEYE": [4, 5, 8, 9],
    "RAD_TAN_THIN_PRISM_FISHEYE": [4, 5, 6, 7],
}


def quaternion(rotation: np.ndarray) -> np.ndarray:
    """w, x, y, z: the eigenvector of Bar-Itzhack's matrix for its largest eigenvalue."""
    (a, b, c), (d, e, f), (g, h, i) = rotation
    matrix = np.array(
        [
            [a + e + i, h - f, c - g, d - b],
            [h - f, a - e - i, b + d, c + g],
            [c - g, b + d, e - a - i, f + h],
            [d - b, c + g, f + h, i - a - e],
        ]
    )
    return np.linalg.eigh(matrix)[1][:, -1]


def world_to_camera(i: int) -> np.ndarray:
    pose = opencv_poses(len(NAMES))[i]
    return np.concatenate([pose[:, :3].T, -pose[:, :3].T @ pose[:, 3:]], axis=1)


def pixels(model: str, values: list[float], i: int, points: np.ndarray) -> np.ndarray:
    """Where COLMAP sees world points (N, 3) in image i: (N, 2)."""
    pose = world_to_camera(i)
    x, y, z = (points @ pose[:, :3].T + pose[:, 3]).T
    u, v = x / z, y / z
    simple = model.startswith("SIMPLE") or model in ("RADIAL", "RADIAL_FISHEYE")
    fx, fy, cx, cy = [values[0], *values[:3]] if simple else values[:4]
    if "FISHEYE" in model:
        r = np.hypot(u, v)
        u, v = u * np.arctan(r) / r, v * np.arctan(r) / r
    r2 = u * u + v * v
    radial = 1 + sum(values[k] * r2 ** (n + 1) for n, k in enumerate(_RADIAL.get(model, [])))
    p1, p2 = values[6:8] if model in ("OPENCV", "FULL_OPENCV") else (0.0, 0.0)
    du = 2 * p1 * u * v + p2 * (r2 + 2 * u * u)
    dv = 2 * p2 * u * v + p1 * (r2 + 2 * v * v)
    return np.stack([fx * (u * radial + du) + cx, fy * (v * radial + dv) + cy], axis=1)


def write_binary(folder: Path, cameras: list[str], *, names: list[str] = NAMES) -> None:
    """A model in which image i has camera i modulo their number."""
    folder.mkdir(parents=True, exist_ok=True)
    data = struct.pack("<Q", len(cameras))
    for number, model in enumerate(cameras):
        code, values = MODELS[model]
        data += struct.pack("<IiQQ", number + 1, code, *SIZE)
        data += struct.pack(f"<{len(values)}d", *values)
    (folder / "cameras.bin").write_bytes(data)
    data = struct.pack("<Q", len(names))
    for i, name in enumerate(names):
        pose = world_to_camera(i)
        numbers = [*quaternion(pose[:, :3]), *pose[:, 3]]
        data += struct.pack("<I7dI", i + 1, *numbers, i % len(cameras) + 1) + name.encode() + b"\0"
        data += struct.pack("<Q", i) + struct.pack("<ddq", 1.5, 2.5, -1) * i
    (folder / "images.bin").write_bytes(data)
    data = struct.pack("<Q", 5)
    for i, (x, y, z) in enumerate(points()):
        data += struct.pack("<Q3d3Bd", i, x, y, z, 1, 2, 3, 0.5)
        data += struct.pack("<Q", i) + struct.pack("<II", 1, 2) * i
    (folder / "points3D.bin").write_bytes(data)


def write_text(folder: Path, cameras: list[str], *, names: list[str] = NAMES) -> None:
    """The same model as text."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["# Camera list", f"# Number of cameras: {len(cameras)}"]
    for number, model in enumerate(cameras):
        values = " ".join(map(repr, MODELS[model][1]))
        lines.append(f"{number + 1} {model} {SIZE[0]} {SIZE[1]} {values}")
    (folder / "cameras.txt").write_text("\n".join(lines) + "\n")
    lines = ["# Image list"]
    for i, name in enumerate(names):
        pose = world_to_camera(i)
        numbers = " ".join(repr(float(x)) for x in [*quaternion(pose[:, :3]), *pose[:, 3]])
        lines += [f"{i + 1} {numbers} {i % len(cameras) + 1} {name}", "1.5 2.5 -1 " * i]
    (folder / "images.txt").write_text("\n".join(lines) + "\n")
    lines = [f"{i} {x} {y} {z} 1 2 3 0.5 1 2" for i, (x, y, z) in enumerate(points().tolist())]
    (folder / "points3D.txt").write_text("\n".join(lines) + "\n")


def points() -> np.ndarray:
    return np.random.default_rng(5).normal(size=(5, 3))
