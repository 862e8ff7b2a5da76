"""A video as a target: the pixels of its frames as values at points of the unit cube."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import torch
from PIL import Image

from nfield.data.images import reduce
from nfield.data.raster import Raster
from nfield.errors import InputError
from nfield.extras import ffmpeg

MAX_BYTES = 2**31  # of the frames in memory, three a pixel
_PPM = re.compile(rb"P6\n(\d+) (\d+)\n255\n")
_CUT = ("prematurely", "no trailer")
_ODD_RATE = 25.0  # frames a second where the file states none


@dataclass(frozen=True)
class Clip:
    """Frames ``(T, H, W, 3)`` in sRGB, evenly spaced in time.

    fps: frames a second, of which the field knows nothing.
    """

    name: str
    path: str
    frames: Raster
    fps: float
    notes: tuple[str, ...] = ()

    def points(self, seed: int) -> Raster:
        """What is fitted: all pixels of all frames."""
        return self.frames


def load_clip(data: str, *, downscale: int = 1) -> Clip:
    """Read a video file whole, through ffmpeg.

    Args:
        downscale: Areas of this many pixels a side are averaged; what does not divide is cropped.

    Raises:
        InputError: the file is missing, has no video, stops early, or its frames do not fit into
            2 GiB; imageio-ffmpeg is not installed.
    """
    file = Path(data)
    if not file.is_file():
        raise InputError(f"{file}: video must be a file, got none; check the path")
    program = ffmpeg(f"{file}: reading video")
    seconds, fps = _header(program, file)
    frames: list[np.ndarray] = []
    for picture in _decode(program, file):
        if min(picture.size) < downscale:
            raise InputError(
                f"--downscale: must be at most the video's shorter side, got {downscale} for "
                f"{picture.width}x{picture.height}"
            )
        frames.append(np.asarray(reduce(picture, downscale)))
        # The header knows the length roughly or not at all, so what is read counts too.
        _require_room(file, frames[0].nbytes, max(len(frames), round(seconds * fps)))
    return Clip(file.stem, data, Raster(torch.from_numpy(np.stack(frames))), fps)


def _header(program: str, file: Path) -> tuple[float, float]:
    """Seconds and frames a second as the file states them; 0 seconds where it does not."""
    asked = subprocess.run([program, "-i", str(file)], capture_output=True, check=False)
    text = asked.stderr.decode(errors="replace")
    duration = re.search(r"Duration: (\d+):(\d+):([\d.]+)", text)
    rate = re.search(r"Video: .* ([\d.]+) fps", text)
    seconds = 0.0
    for part in duration.groups() if duration else ():
        seconds = 60 * seconds + float(part)
    return seconds, (float(rate[1]) if rate else 0.0) or _ODD_RATE


def _decode(program: str, file: Path) -> Iterator[Image.Image]:
    """The frames, upright; refuses a file that cannot be read to its end."""
    options = ["-map", "0:v:0", "-fps_mode", "passthrough", "-f", "image2pipe", "-c:v", "ppm"]
    options += ["-pix_fmt", "rgb24"]  # of videos with more bits, too
    command = [program, "-v", "error", "-xerror", "-i", str(file), *options, "-"]
    count = 0
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        ) as process,
    ):
        assert process.stdout is not None  # for the type checker: it is a pipe
        try:
            while (picture := _frame(process.stdout)) is not None:
                count += 1
                yield picture
        except BaseException:
            process.kill()
            raise
        process.stdout.close()  # of a stream that no longer makes sense, nothing waits to be read
        process.wait()
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip().splitlines()
    # Matroska's reader tells of a cut file without failing, GIF's not at all.
    if _lacks_trailer(file):
        said.append("no trailer")
    if process.returncode or any(line.endswith(_CUT) for line in said):
        reason = re.sub(r"\[[^]]*\] ", "", said[0]) if said else f"exit status {process.returncode}"
        kind = f"stops early, after {count} frames" if count else "ffmpeg cannot read"
        raise InputError(
            f"{file}: video must be whole, got one that {kind} ({reason.rstrip('.')}); "
            "copy or export it again"
        )
    if not count:
        raise InputError(f"{file}: a video must have at least one frame, got none; replace it")


def _lacks_trailer(file: Path) -> bool:
    """Whether a GIF does not end as it must."""
    with file.open("rb") as stream:
        if stream.read(4) != b"GIF8":
            return False
        stream.seek(-1, os.SEEK_END)
        return stream.read() != b";"


def _frame(stream: IO[bytes]) -> Image.Image | None:
    """The next frame of a stream of PPM pictures, or None at its end."""
    head = b"".join(stream.readline() for _ in range(3))
    match = _PPM.fullmatch(head)
    if match is None:
        return None
    size = int(match[1]), int(match[2])
    raw = stream.read(size[0] * size[1] * 3)
    return Image.frombytes("RGB", size, raw) if len(raw) == size[0] * size[1] * 3 else None


def _require_room(file: Path, frame: int, count: int) -> None:
    if frame * count > MAX_BYTES:
        raise InputError(
            f"{file}: frames must fit into {MAX_BYTES} bytes, got {count} frames of {frame}; "
            "use --downscale, or cut the video"
        )
