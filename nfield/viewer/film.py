"""A video of a camera path, rendered while nobody waits for a picture."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from nfield.errors import InputError
from nfield.export.sequence import write_sequence
from nfield.fields.model import Image, Model
from nfield.render.cameras import Cameras
from nfield.viewer.frame import Frame
from nfield.viewer.look import Look
from nfield.viewer.pace import Pace

log = logging.getLogger("nfield.viewer")

URGENCY = 1000  # behind all pictures of visitors
WAITING = 2  # frames that are rendered before the ones before them are written
KINDS = {"rgb": "rgb", "depth": "depth", "normals": "normal"}


class Film:
    """Renders a path's frames as `Work`, and writes them in a thread of its own.

    Args:
        out: FILE.mp4.
        watch: Called in that thread with the number of frames written.
        done: Called there with None, or with what went wrong.
    """

    def __init__(
        self,
        out: Path,
        models: Sequence[Model],
        cameras: Cameras,
        look: Look,
        watch: Callable[[int], None],
        done: Callable[[InputError | None], None],
    ):
        self._out, self._models, self._cameras, self._look = out, models, cameras, look
        self._watch, self._done = watch, done
        self._rendered: queue.Queue[Image | None] = queue.Queue()
        self._next, self._written = 0, 0
        self._frame: Frame | None = None
        self._pace = Pace()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def start(self) -> None:
        """Begin to write what is rendered."""
        self._thread.start()

    def cancel(self) -> None:
        """Stop; no file is left."""
        self._ended.set()
        self._rendered.put(None)

    fail = cancel

    def join(self) -> None:
        """Wait for the end of writing."""
        self._thread.join()

    @property
    def urgency(self) -> int | None:
        """See `Work`."""
        full = self._rendered.qsize() >= WAITING
        over = self._ended.is_set() or self._next == len(self._cameras)
        return None if full or over else URGENCY

    def advance(self, seconds: float, share: float = 1.0) -> None:
        """See `Work`."""
        if self._frame is None:
            self._frame = Frame(self._models, self._cameras[self._next], self._look)
        begin = time.perf_counter()
        rays = self._frame.advance(self._pace.rays(seconds))
        self._pace.measured(rays, time.perf_counter() - begin)
        if self._frame.complete:
            self._rendered.put(self._frame.image())
            self._next, self._frame = self._next + 1, None

    def _write(self) -> None:
        wrong: InputError | None = None
        what = KINDS.get(self._look.mode, "rgb")
        try:
            write_sequence(self._out, len(self._cameras), self._image, what=what, watch=self._count)
        except InputError as error:
            wrong = error
        except Exception as error:
            log.exception("a film could not be written")
            wrong = InputError(f"{self._out}: the film must be written, got {error!r}; try again")
        self._ended.set()
        self._done(wrong)

    def _image(self, index: int) -> Image:
        image = self._rendered.get()
        if image is None:
            raise InputError(f"{self._out}: the film was stopped; nothing was written")
        return image

    def _count(self) -> None:
        self._written += 1
        self._watch(self._written)
