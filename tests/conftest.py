"""Fixtures of the whole suite."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nfield.train.device import obstacle

REPOSITORY = Path(__file__).parent.parent
ANGLE, SIDE = 0.7, 32  # of the photos: radians across, pixels


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Path under $NFIELD_DATA (../shared/data by default); the test is skipped where absent."""
    root = Path(os.environ.get("NFIELD_DATA", REPOSITORY.parent / "shared" / "data"))

    def find(relative: str) -> Path:
        if not (root / relative).exists():
            pytest.skip(f"{root / relative} absent")
        return root / relative

    return find


@pytest.fixture
def gpu() -> torch.device:
    """The GPU; without one the test is skipped, or fails where NFIELD_REQUIRE_CUDA is 1."""
    if not (found := obstacle()):
        return torch.device("cuda", torch.cuda.current_device())
    if os.environ.get("NFIELD_REQUIRE_CUDA") == "1":
        pytest.fail(f"NFIELD_REQUIRE_CUDA: {found}")
    pytest.skip(found)


@pytest.fixture(params=["cpu", "cuda"])
def device(request: pytest.FixtureRequest) -> torch.device:
    """Each side in turn."""
    if request.param == "cpu":
        return torch.device("cpu")
    found: torch.device = request.getfixturevalue("gpu")
    return found


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene in Blender's format: a unit ball, coloured by its normal, seen from all around."""
    folder = tmp_path_factory.mktemp("photos")
    for split, count in (("train", 12), ("test", 3)):
        (folder / split).mkdir()
        frames = []
        for i in range(count):
            # Test cameras stand half-way between training cameras.
            turn = 2 * np.pi * (i + (0.125 if split == "test" else 0.0)) / count
            pose = _look_at_origin(np.array([np.cos(turn), np.sin(turn), 0.4 * (-1) ** i]) * 4)
            Image.fromarray(_ball(pose)).save(folder / split / f"{i}.png")
            frames.append({"file_path": f"./{split}/{i}", "transform_matrix": pose.tolist()})
        document = {"camera_angle_x": ANGLE, "frames": frames}
        (folder / f"transforms_{split}.json").write_text(json.dumps(document))
    return folder


def _look_at_origin(position: np.ndarray) -> np.ndarray:
    """Camera-to-world with OpenGL axes: x right, y up, z backward."""
    backward = position / np.linalg.norm(position)
    right = np.cross([0.0, 0.0, 1.0], backward)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3] = np.stack([right, np.cross(backward, right), backward, position], axis=1)
    return pose


def _ball(pose: np.ndarray) -> np.ndarray:
    focal = SIDE / 2 / np.tan(ANGLE / 2)
    x, y = np.meshgrid(np.arange(SIDE) + 0.5 - SIDE / 2, np.arange(SIDE) + 0.5 - SIDE / 2)
    ray = np.stack([x / focal, -y / focal, -np.ones_like(x)], -1) @ pose[:3, :3].T
    ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
    along = -(ray @ pose[:3, 3])
    miss = 1 - (pose[:3, 3] @ pose[:3, 3] - along**2)
    normal = pose[:3, 3] + (along - np.sqrt(np.maximum(miss, 0)))[..., None] * ray
    color = np.concatenate([(normal + 1) / 2, (miss > 0)[..., None]], -1)
    return np.uint8(np.clip(color, 0, 1) * 255)
