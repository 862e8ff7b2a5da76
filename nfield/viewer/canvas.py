"""The picture of one visitor: what is asked for, how sharp it is already, what comes next."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nfield.fields.model import Model
from nfield.render.cameras import Cameras
from nfield.viewer.frame import Frame
from nfield.viewer.look import Look, picture
from nfield.viewer.pace import Pace
from nfield.viewer.photos import Photos
from nfield.viewer.schedule import sizes
from nfield.viewer.view import View


@dataclass(frozen=True)
class Shown:
    """A picture for a visitor.

    Args:
        wish: Which one of the visitor's wishes it fulfils.
        final: Whether it is as sharp as asked for.
    """

    pixels: NDArray[np.uint8]
    view: View
    wish: int
    final: bool


@dataclass(frozen=True)
class _Wish:
    number: int
    view: View
    look: Look


class Canvas:
    """Pictures of one visitor's wishes, each sharper than the one before until the next wish.

    The first picture of a wish is always completed, so that pictures come while the camera moves
    without rest; finer ones are dropped when the wish changes. `ask` may be called in any thread,
    all else in the one that renders.

    Args:
        models: See `Frame`.
        photos: What mode error compares with.
        show: Takes finished pictures.
    """

    def __init__(
        self, models: Sequence[Model], photos: Photos | None, show: Callable[[Shown], None]
    ):
        self._models, self._photos, self._show = models, photos, show
        self._numbers = itertools.count(1)
        self._asked: _Wish | None = None
        self._wish: _Wish | None = None  # the one that is being shown
        self._sizes: list[tuple[int, int]] = []  # of the pictures that are still to come
        self._frame: tuple[Frame, Cameras] | None = None
        self._seconds = 0.0  # that the frame took so far
        self._stage = 0
        self._pace, self._first_pace = Pace(), Pace()  # first pictures are small and slower
        self.finished = 0.0  # clock time of the last final picture

    def ask(self, view: View, look: Look) -> int:
        """Wish for a picture, and return the wish's number."""
        self._asked = wish = _Wish(next(self._numbers), view, look)
        return wish.number

    def refresh(self) -> None:
        """Render the final picture again where it is there already: the field has changed."""
        if self.urgency is None and self._wish is not None:
            look = self._wish.look
            self._sizes = sizes(self._wish.view.aspect, look.side, 0.0)[-1:]

    @property
    def urgency(self) -> int | None:
        """0 where a first picture is due, more for sharper ones, None where nothing is."""
        if self._asked is not self._wish:
            return 0
        return self._stage if self._sizes or self._frame else None

    def advance(self, seconds: float, share: float = 1.0) -> None:
        """Render for about so long, at most up to the end of a picture.

        Args:
            share: Of the time that there is for rendering.
        """
        begin = time.perf_counter()
        if self._asked is not self._wish and (self._frame is None or self._stage > 0):
            self._begin(share)
        if self._frame is None:
            self._frame = self._next_frame()
        frame, cameras = self._frame
        frame.advance(self._pace.rays(seconds))
        spent = time.perf_counter() - begin
        self._seconds += spent
        if frame.complete:
            self._finish(frame, cameras)

    def fail(self) -> None:
        """Give up the wish that is being shown, which could not be rendered."""
        self._wish, self._frame, self._sizes = self._asked, None, []

    def _begin(self, share: float) -> None:
        """Turn to the newest wish."""
        assert self._asked is not None
        self._wish = self._asked
        look = self._wish.look
        rays = share * self._first_pace.speed / look.rate
        self._sizes = sizes(self._wish.view.aspect, look.side, rays)
        self._frame, self._stage = None, 0

    def _next_frame(self) -> tuple[Frame, Cameras]:
        assert self._wish is not None
        cameras = self._wish.view.cameras(*self._sizes.pop(0))
        self._seconds = 0.0
        return Frame(self._models, cameras, self._wish.look), cameras

    def _finish(self, frame: Frame, cameras: Cameras) -> None:
        assert self._wish is not None
        wish, final = self._wish, not self._sizes
        self._pace.measured(frame.rays, self._seconds)
        if self._stage == 0:
            self._first_pace.measured(frame.rays, self._seconds)
        self._frame, self._stage = None, self._stage + 1
        image, error = frame.image(), None
        if wish.look.mode == "error" and self._photos is not None:
            error = self._photos.error(image, wish.view, cameras, wish.look.background)
        if final:
            self.finished = time.monotonic()
        self._show(Shown(picture(image, wish.look.mode, error), wish.view, wish.number, final))
