"""Known cameras and pictures, which the tests write in each format."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image


def opencv_poses(count: int) -> np.ndarray:
    """Camera-to-world (count, 3, 4), OpenCV axes: all look at the origin, none alike or upright."""
    rng = np.random.default_rng(7)
    poses = []
    for _ in range(count):
        position = rng.normal(size=3)
        position *= 4 / np.linalg.norm(position)
        forward = -position / 4
        right = np.cross(forward, rng.normal(size=3))
        right /= np.linalg.norm(right)
        poses.append(np.stack([right, np.cross(forward, right), forward, position], axis=1))
    return np.stack(poses)


def write_photos(
    folder: Path, names: list[str], size: tuple[int, int], *, mode: str = "RGB"
) -> None:
    """Pictures of noise, each another."""
    for i, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(i).integers(0, 255, (size[1], size[0], len(mode)))
        Image.fromarray(noise.astype(np.uint8).squeeze()).save(folder / name)


# Cameras hold poses as float32: their 24 bits leave 1e-4 of pixel positions below a thousand.
PIXELS = 1e-3


def check_projection(
    scene: Any, law: Callable[[str, np.ndarray], np.ndarray], *, downscale: int = 1
) -> None:
    """Points project to the pixels that the format's own formula says.

    Args:
        law: From the last part of a view's name and points (N, 3) to pixels (N, 2), in float64.
    """
    points = np.random.default_rng(3).uniform(-0.5, 0.5, (6, 3))
    for views in scene.splits.values():
        for i, name in enumerate(views.names):
            index = torch.full((len(points),), i)
            pixels, depth = views.cameras.project(index, torch.tensor(points).float())
            assert (depth > 0).all()
            expected = law(name.rsplit("/", 1)[-1], points) / downscale
            assert np.abs(pixels.numpy() - expected).max() < PIXELS, name


@contextmanager
def memory_below(limit: int) -> Iterator[None]:
    """What is done takes no more memory at any time, in bytes."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < limit
