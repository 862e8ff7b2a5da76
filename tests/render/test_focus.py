"""The focus of cameras: where their optical axes meet, or none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nfield.data.procedural import _look_at_center, _on_sphere
from nfield.render.cameras import Cameras
from nfield.render.focus import find_focus


def poses(count: int = 24) -> torch.Tensor:
    """All around the origin, looking at it."""
    i = torch.arange(count, dtype=torch.float64)
    return _look_at_center(_on_sphere(-0.9 + 1.8 * (i + 0.5) / count, i * 2.4))


def cameras(pose: torch.Tensor) -> Cameras:
    count = len(pose)
    return Cameras(
        pose.float(),
        torch.tensor([[90.0, 90.0, 32.0, 32.0]]).repeat(count, 1),
        torch.zeros(count, 6),
        torch.zeros(count, dtype=torch.int32),
        torch.full((count, 2), 64, dtype=torch.int32),
    )


def test_optical_axes_meet_at_the_focus() -> None:
    pose = poses()
    pose[:, :, 3] = 2 * pose[:, :, 3] + torch.tensor([1.0, -2.0, 3.0])
    focus = find_focus(cameras(pose))
    assert focus is not None
    # float32 poses, a few units large.
    np.testing.assert_allclose(focus, (1, -2, 3), atol=1e-5)


def test_focus_is_nearest_to_axes_that_miss_each_other() -> None:
    # Along x at height 0 and along y at height 2: half-way between them.
    pose = torch.zeros(2, 3, 4)
    pose[0, :, :3] = torch.tensor([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    pose[1, :, :3] = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    pose[:, :, 3] = torch.tensor([[-5.0, 0, 0], [0, -5, 2]])
    np.testing.assert_allclose(find_focus(cameras(pose)), (0, 0, 1), atol=1e-12)


@pytest.mark.parametrize("kind", ["parallel", "outward"])
def test_there_is_no_focus_where_axes_do_not_meet(kind: str) -> None:
    pose = poses()
    if kind == "parallel":
        pose[:, :, :3] = pose[:1, :, :3].clone()
    else:
        pose[:, :, [0, 2]] *= -1
    assert find_focus(cameras(pose)) is None
