"""Camera paths by keyframes, and the file that `nfield render` takes."""

from __future__ import annotations

import math
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.errors import InputError
from nfield.evaluate.protocol import to_uint8
from nfield.render.path import load_path, save_path
from nfield.run import Run
from nfield.viewer.film import Film
from nfield.viewer.keyframes import between, path_cameras
from nfield.viewer.look import Look
from nfield.viewer.painter import Painter
from nfield.viewer.view import View


def views(count: int, seed: int = 0) -> list[View]:
    random = np.random.default_rng(seed)
    return [
        View.of_quaternion(random.normal(size=4), random.normal(size=3), 0.3 + random.random(), 1.5)
        for _ in range(count)
    ]


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 6), st.integers(1, 9), st.booleans(), st.integers(0, 99))
def test_the_path_passes_through_its_keyframes(
    count: int, steps: int, closed: bool, seed: int
) -> None:
    keys = views(count, seed)
    path = between(keys, steps, closed=closed)
    assert len(path) == (count * steps if closed else (count - 1) * steps + 1)
    for i, key in enumerate(keys):
        # float64 through a quaternion and back.
        assert np.abs(path[i * steps].pose - key.pose).max() < 1e-7
        assert path[i * steps].fov == pytest.approx(key.fov, abs=1e-9)
    for view in path:
        rotation = view.pose[:, :3]
        assert np.abs(rotation @ rotation.T - np.eye(3)).max() < 1e-9
        assert np.linalg.det(rotation) > 0
        assert 0 < view.fov < math.pi


def test_the_path_is_smooth_at_its_keyframes() -> None:
    steps = 200
    path = between(views(5), steps)
    position = np.stack([view.position for view in path])
    speed = np.diff(position, axis=0) * steps
    # The velocity before and after a keyframe differs by the acceleration times one step.
    jump = np.linalg.norm(np.diff(speed, axis=0), axis=1)
    assert jump.max() < 30 / steps


def test_keyframes_alike_make_a_path_that_stands_still() -> None:
    key = views(1)[0]
    path = between([key, key, key], 4)
    assert all(np.abs(view.pose - key.pose).max() < 1e-9 for view in path)
    assert between([], 4) == [] and between([key], 4) == [key]


def test_the_file_holds_the_path(tmp_path: Path) -> None:
    cameras = path_cameras(between(views(3), 5), 64, 48)
    save_path(tmp_path / "path.json", cameras)
    again = load_path(tmp_path / "path.json")
    for name in ("camera_to_world", "intrinsics", "distortion", "lens", "size"):
        assert torch.equal(getattr(cameras, name), getattr(again, name))
    assert cameras.intrinsics[0, 0] == pytest.approx(float(cameras.intrinsics[0, 1]), rel=1e-6)


def test_nfield_render_takes_the_file(run: Run, tmp_path: Path) -> None:
    keys = [View.of_camera(run.scene.splits["test"].cameras, i) for i in (0, 1)]
    file = tmp_path / "path.json"
    save_path(file, path_cameras(between(keys, 2), 32, 24))
    out = run.render_path(str(file), tmp_path / "frames")
    pictures = sorted(out.glob("*.png"))
    assert len(pictures) == 3


def test_a_film_is_the_frames_of_the_path(run: Run, tmp_path: Path) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    keys = [View.of_camera(run.scene.splits["test"].cameras, i) for i in (0, 1)]
    cameras = path_cameras(between(keys, 2), 64, 48)
    painter, seen, ended = Painter(), [], []
    film = Film(tmp_path / "film.mp4", [run.model], cameras, Look(), seen.append, ended.append)
    painter.add(film)
    film.start()
    while not ended:
        painter.idle(0.05)
    film.join()
    assert ended == [None] and seen == [1, 2, 3]
    raw = ["-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    command = [ffmpeg.get_ffmpeg_exe(), "-i", str(tmp_path / "film.mp4"), *raw]
    read = subprocess.run(command, capture_output=True, check=True).stdout
    frames = np.frombuffer(read, np.uint8).reshape(-1, 48, 64, 3)
    truth = to_uint8(run.model.render(cameras, 0).color.numpy())
    assert len(frames) == 3
    # H.264 with a quarter of the colour's resolution.
    assert np.abs(frames[0].astype(float) - truth).mean() < 4


def test_a_film_that_is_stopped_leaves_nothing(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg")
    cameras = path_cameras(between(views(2), 50), 64, 48)
    ended: list[InputError | None] = []
    film = Film(
        tmp_path / "film.mp4", [run.model], cameras, Look(), lambda done: None, ended.append
    )
    film.start()
    film.advance(0.01)
    film.cancel()
    film.join()
    assert film.urgency is None
    assert "stopped" in str(ended[0])
    assert list(tmp_path.iterdir()) == []
