"""Videos: readable, streamed, whole or absent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nfield.errors import InputError
from nfield.export.video import write_video


def frames(count: int, height: int = 48, width: int = 64) -> Iterator[np.ndarray]:
    y, x = np.mgrid[:height, :width]
    for i in range(count):
        red = np.full((height, width), 200)
        yield np.stack([red, 3 * x % 256, (2 * y + 9 * i) % 256], axis=2).astype(np.uint8)


@pytest.fixture
def ffmpeg():
    return pytest.importorskip("imageio_ffmpeg")


def read(ffmpeg, path: Path, height: int, width: int) -> tuple[str, np.ndarray]:
    """What ffmpeg says of the file, and its frames."""
    command = [ffmpeg.get_ffmpeg_exe(), "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    return done.stderr.decode(), np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3)


def test_frames_come_back_in_their_colours(ffmpeg, tmp_path):
    assert write_video(tmp_path / "a.mp4", frames(6), fps=12) == 6
    said, got = read(ffmpeg, tmp_path / "a.mp4", 48, 64)
    for fact in ("Video: h264", "yuv420p(tv, bt709", "64x48", "12 fps"):
        assert fact in said
    assert len(got) == 6
    for have, want in zip(got, frames(6), strict=True):
        # Compression and 4:2:0 lose 1 to 2 levels here; a wrong colour matrix would shift by 10.
        shift = have.astype(int) - want
        assert np.abs(shift.mean((0, 1))).max() < 2.0
        assert np.abs(shift).mean() < 5.0
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_odd_sides_are_lengthened_by_their_edge(ffmpeg, tmp_path):
    write_video(tmp_path / "a.mp4", frames(3, 31, 45))
    said, got = read(ffmpeg, tmp_path / "a.mp4", 32, 46)
    assert "46x32" in said
    error = np.abs(got[0][:31, :45].astype(int) - next(frames(1, 31, 45)))
    assert error.mean() < 6.0


def test_frames_are_consumed_as_they_come(ffmpeg, tmp_path):
    names = []

    def watched() -> Iterator[np.ndarray]:
        for frame in frames(4):
            yield frame
            names.append(os.listdir(tmp_path))

    write_video(tmp_path / "a.mp4", watched())
    # Each frame is asked for after the one before went to ffmpeg, and the name is not taken yet.
    assert len(names) == 4
    assert all("a.mp4" not in found for found in names)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_leaves_the_older_file_and_no_half_one(ffmpeg, tmp_path, error):
    (tmp_path / "a.mp4").write_bytes(b"older")

    def broken() -> Iterator[np.ndarray]:
        yield from frames(3)
        raise error

    with pytest.raises(error):
        write_video(tmp_path / "a.mp4", broken())
    assert (tmp_path / "a.mp4").read_bytes() == b"older"
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_a_missing_encoder_is_named_with_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    message = r'writing video needs imageio_ffmpeg, .* pip install "nfield-engine\[video\]"'
    with pytest.raises(InputError, match=message):
        write_video(tmp_path / "a.mp4", frames(1))


def test_a_failing_encoder_is_reported(ffmpeg, monkeypatch, tmp_path):
    fake = tmp_path / "ffmpeg"
    fake.write_text("#!/bin/sh\necho 'Unknown encoder' >&2\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setattr(ffmpeg, "get_ffmpeg_exe", lambda: str(fake))
    with pytest.raises(InputError, match="got exit status 3: Unknown encoder; check the free"):
        write_video(tmp_path / "a.mp4", frames(200))
    assert os.listdir(tmp_path) == ["ffmpeg"]


def test_wrong_videos_are_refused(ffmpeg, tmp_path):
    path = tmp_path / "a.mp4"
    with pytest.raises(InputError, match=r"name must end in \.mp4, got \.avi"):
        write_video(tmp_path / "a.avi", frames(1))
    with pytest.raises(InputError, match="fps must be above 0 and at most 1000, got 0"):
        write_video(path, frames(1), fps=0)
    with pytest.raises(InputError, match="must have at least one frame, got none"):
        write_video(path, [])
    mixed = [*frames(2), *frames(1, 48, 66)]
    with pytest.raises(InputError, match="size of the first, 64x48, got 66x48 at frame 2"):
        write_video(path, mixed)
    with pytest.raises(ValueError, match=r"frame 0 must be \(H, W, 3\) uint8"):
        write_video(path, [np.zeros((4, 4, 3))])
    assert os.listdir(tmp_path) == []
