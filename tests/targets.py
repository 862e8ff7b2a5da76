"""Small images, shapes and videos, written to files."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

WIDTH, HEIGHT, FRAMES = 48, 40, 6


def needs(*packages: str) -> None:
    """Skip the test, or the module, where an optional package is absent."""
    for package in packages:
        if find_spec(package) is None:
            pytest.skip(f"{package}, of an extra, is absent", allow_module_level=True)


def pattern(t: float = 0.0) -> np.ndarray:
    """Waves and a disc: (HEIGHT, WIDTH, 3) uint8."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] / WIDTH
    waves = [np.sin(9 * x + 4 * y + k + t) for k in range(3)]
    color = 0.5 + 0.3 * np.stack(waves, -1)
    color[np.hypot(x - 0.5, y - 0.4) < 0.2 + 0.1 * t] = (0.9, 0.2, 0.1)
    return np.uint8(np.rint(255 * color))


def write_picture(folder: Path, name: str = "photo.png", mode: str = "RGB") -> Path:
    """`pattern` in the mode of an image file."""
    Image.fromarray(pattern()).convert(mode).save(folder / name)
    return folder / name


def write_clip(folder: Path, name: str = "clip.mp4") -> Path:
    """A few frames of `pattern`, moving."""
    from nfield.export.video import write_video

    write_video(folder / name, (pattern(0.3 * i) for i in range(FRAMES)), fps=12)
    return folder / name


def torus(across: int = 48, around: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """A watertight torus around z, 6 wide: vertices (V, 3), faces (F, 3), counted from 0."""
    u, v = np.meshgrid(np.arange(across), np.arange(around), indexing="ij")
    a, b = 2 * np.pi * u / across, 2 * np.pi * v / around
    ring = 2 + np.cos(b)
    vertices = np.stack([ring * np.cos(a), ring * np.sin(a), np.sin(b)], -1).reshape(-1, 3)

    def corner(du: int, dv: int) -> np.ndarray:
        return ((u + du) % across * around + (v + dv) % around).ravel()

    first = np.stack([corner(0, 0), corner(1, 0), corner(1, 1)], 1)
    second = np.stack([corner(0, 0), corner(1, 1), corner(0, 1)], 1)
    return vertices, np.concatenate([first, second])


def write_mesh(folder: Path, name: str = "torus.obj", *, faces: slice = slice(None)) -> Path:
    """`torus`, or a part of its faces, as OBJ."""
    vertices, triangles = torus()
    lines = [f"v {x} {y} {z}" for x, y, z in vertices]
    lines += [f"f {a} {b} {c}" for a, b, c in triangles[faces] + 1]
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder / name
