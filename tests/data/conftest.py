"""Small datasets in the formats that the loaders read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

WIDTH, HEIGHT = 12, 8


def pose(i: int, count: int) -> list[list[float]]:
    """OpenGL camera-to-world on a circle of radius 3, looking at the origin."""
    turn = 2 * np.pi * i / count
    backward = np.array([np.cos(turn), np.sin(turn), 0.0])
    right = np.array([-np.sin(turn), np.cos(turn), 0.0])
    matrix = np.eye(4)
    matrix[:3] = np.stack([right, [0.0, 0.0, 1.0], backward, 3 * backward], axis=1)
    return matrix.tolist()


@pytest.fixture
def dataset(tmp_path: Path) -> Callable[..., Path]:
    """Writes photos and their transforms.json: `edit` changes the document before it is written."""

    def write(
        count: int = 9, *, edit: Callable[[dict[str, Any]], None] | None = None, channels: int = 3
    ) -> Path:
        (tmp_path / "images").mkdir(exist_ok=True)
        frames = []
        for i in range(count):
            noise = np.random.default_rng(i).integers(0, 255, (HEIGHT, WIDTH, channels))
            Image.fromarray(noise.astype(np.uint8)).save(tmp_path / f"images/{i:02d}.png")
            frames.append({"file_path": f"images/{i:02d}.png", "transform_matrix": pose(i, count)})
        document = {"fl_x": 10.0, "w": WIDTH, "h": HEIGHT, "frames": frames}
        if edit is not None:
            edit(document)
        (tmp_path / "transforms.json").write_text(json.dumps(document))
        return tmp_path

    return write
