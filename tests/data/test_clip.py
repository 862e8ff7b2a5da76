"""Videos: frames as they were written, and refusals."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nfield.data import clip as module
from nfield.data.clip import load_clip
from nfield.errors import InputError
from nfield.extras import ffmpeg
from tests.targets import FRAMES, HEIGHT, WIDTH, needs, pattern, write_clip

needs("imageio_ffmpeg")


def write_gif(folder: Path) -> Path:
    frames = [Image.fromarray(pattern(0.3 * i)) for i in range(FRAMES)]
    frames[0].save(folder / "clip.gif", save_all=True, append_images=frames[1:], duration=100)
    return folder / "clip.gif"


def test_frames_come_in_order_and_in_their_size(tmp_path: Path) -> None:
    clip = load_clip(str(write_clip(tmp_path)))
    frames = clip.frames.values.numpy()
    assert (clip.name, clip.fps, frames.shape) == ("clip", 12.0, (FRAMES, HEIGHT, WIDTH, 3))
    for i in range(FRAMES):
        # H.264 at 4:2:0 blurs colours; frames a step apart differ by more than ten levels.
        error = [np.abs(frames[i].astype(int) - pattern(0.3 * k)).mean() for k in range(FRAMES)]
        assert int(np.argmin(error)) == i and error[i] < 9


def test_an_animated_picture_is_a_video(tmp_path: Path) -> None:
    clip = load_clip(str(write_gif(tmp_path)))
    assert clip.frames.shape == (FRAMES, HEIGHT, WIDTH)
    assert clip.fps == 10.0


def test_downscaling_averages_areas(tmp_path: Path) -> None:
    file = str(write_clip(tmp_path))
    whole = load_clip(file).frames.values.numpy()
    small = load_clip(file, downscale=4).frames.values.numpy()
    mean = whole.reshape(FRAMES, HEIGHT // 4, 4, WIDTH // 4, 4, 3).mean((2, 4))
    assert np.abs(small - mean).max() <= 0.5  # rounding
    with pytest.raises(InputError, match="the video's shorter side, got 41 for 48x40"):
        load_clip(file, downscale=41)


def test_a_video_that_stops_early_is_said_so(tmp_path: Path) -> None:
    file = write_gif(tmp_path)
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    with pytest.raises(InputError, match=r"clip\.gif: video must be whole, got one that stops ear"):
        load_clip(str(file))
    file = write_clip(tmp_path)
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"clip\.mp4: video must be whole, got one that"):
        load_clip(str(file))


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_text("not a video")
    with pytest.raises(InputError, match=r"clip\.mp4: video must be whole, got one that ffmpeg"):
        load_clip(str(tmp_path / "clip.mp4"))
    with pytest.raises(InputError, match=r"absent\.mp4: video must be a file, got none"):
        load_clip(str(tmp_path / "absent.mp4"))


@pytest.mark.parametrize("limit", [FRAMES * HEIGHT * WIDTH * 3 - 1, HEIGHT * WIDTH * 3])
def test_frames_beyond_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    file = str(write_clip(tmp_path))
    monkeypatch.setattr(module, "MAX_BYTES", limit)
    # The header tells the length: refused with the first frame.
    with pytest.raises(InputError, match=f"fit into {limit} bytes, got 6 frames of 5760; use --d"):
        load_clip(file)
    monkeypatch.setattr(module, "_header", lambda program, file: (0.0, 25.0))
    with pytest.raises(InputError, match=f"fit into {limit} bytes, got {limit // 5760 + 1} frames"):
        load_clip(file)


def test_a_missing_decoder_is_named_with_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(write_clip(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    message = r'reading video needs imageio_ffmpeg, .* pip install "nfield-engine\[video\]"'
    with pytest.raises(InputError, match=message):
        load_clip(file)


def test_videos_of_ten_bits_are_read(tmp_path: Path) -> None:
    file = tmp_path / "deep.mkv"
    source = ["-f", "lavfi", "-i", "color=c=red:size=48x40:rate=12:duration=0.5"]
    coded = ["-c:v", "ffv1", "-pix_fmt", "yuv420p10le"]
    subprocess.run([ffmpeg("test"), "-v", "error", *source, *coded, str(file)], check=True)
    frames = load_clip(str(file)).frames.values.numpy()
    assert frames.shape == (6, 40, 48, 3)
    # ffmpeg's red, through the limited range of its samples.
    assert np.abs(frames.astype(int) - (255, 0, 0)).max() <= 3
