"""Video files: H.264 in mp4, through imageio-ffmpeg."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nfield.errors import InputError
from nfield.extras import ffmpeg
from nfield.files import replacing

# Colours as BT.709, said in the file: untagged, players guess by the picture's size.
_OUTPUT = [
    *("-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "18", "-movflags", "+faststart"),
    *("-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709"),
    *("-color_primaries", "bt709", "-color_trc", "iec61966-2-1"),
]


def write_video(path: str | Path, frames: Iterable[NDArray[np.uint8]], *, fps: float = 30.0) -> int:
    """Write frames as they come to an mp4 file, whole or not at all, and return their number.

    H.264 with 4:2:0 chroma needs even sides: an odd side is lengthened by repeating its last row
    or column. Ctrl-C, or an error from `frames`, leaves no file behind and an older one untouched.

    Shape
        each frame ``(H, W, 3)`` uint8 sRGB, all of one size
    Raises
        InputError: imageio-ffmpeg is not installed, the name does not end in .mp4, there is no
            frame, a frame differs in size, `fps` is not positive, or ffmpeg cannot write.
    """
    path = Path(path)
    if path.suffix.lower() != ".mp4":
        raise InputError(f"{path}: a video's name must end in .mp4, got {path.suffix or 'none'}")
    if not 0.0 < fps <= 1000.0:
        raise InputError(f"{path}: fps must be above 0 and at most 1000, got {fps}")
    encoder = ffmpeg(f"{path}: writing video")
    checked = _checked(path, frames)
    first = next(checked, None)
    if first is None:
        raise InputError(f"{path}: a video must have at least one frame, got none")
    size = f"{first.shape[1]}x{first.shape[0]}"
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(fps), "-i", "-"]
    with replacing(path) as temporary:
        command = [encoder, "-y", "-v", "error", *raw, *_OUTPUT, str(temporary)]
        return _feed(command, itertools.chain([first], checked), path)


def _checked(path: Path, frames: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    shape: tuple[int, ...] = ()
    for i, frame in enumerate(frames):
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise ValueError(
                f"write_video: frame {i} must be (H, W, 3) uint8, got {frame.shape} {frame.dtype}"
            )
        shape = shape or frame.shape
        if frame.shape != shape:
            raise InputError(
                f"{path}: all frames must have the size of the first, {shape[1]}x{shape[0]}, "
                f"got {frame.shape[1]}x{frame.shape[0]} at frame {i}; give all cameras one size"
            )
        even = ((0, shape[0] % 2), (0, shape[1] % 2), (0, 0))
        yield np.ascontiguousarray(np.pad(frame, even, mode="edge"))


def _feed(command: list[str], frames: Iterable[NDArray[np.uint8]], path: Path) -> int:
    count = 0
    # Its own session keeps Ctrl-C from ffmpeg, which would otherwise end the file as if complete.
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=errors, start_new_session=True
        ) as process,
    ):
        assert process.stdin is not None  # for the type checker: it is a pipe
        try:
            for frame in frames:
                process.stdin.write(frame.data)
                count += 1
            process.stdin.close()
        except BrokenPipeError:  # ffmpeg stopped early: its exit status and message tell why
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        except BaseException:
            process.kill()
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            raise
        if process.wait() != 0:
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines()
            raise InputError(
                f"{path}: ffmpeg must write the video, got exit status {process.returncode}"
                f"{': ' + lines[-1] if lines else ''}; check the free space, or nfield doctor"
            )
    return count
