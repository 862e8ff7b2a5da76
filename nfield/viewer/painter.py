"""The renderer's turns: whoever waits for a first picture comes first, then sharper ones."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

CHUNK_SECONDS = 0.02  # between looks at what visitors wish for now
SLEEP_SECONDS = 0.005  # between looks when there is nothing to do

log = logging.getLogger("nfield.viewer")


class Work(Protocol):
    """What can be rendered piece by piece: the pictures of a visitor, or a film."""

    @property
    def urgency(self) -> int | None:
        """What is to be done first has the least; None where nothing is to be done."""
        ...

    def advance(self, seconds: float, share: float = 1.0) -> None:
        """Render for about so long; `share` of the time there is goes to rendering."""
        ...

    def fail(self) -> None:
        """Give up what was being rendered."""
        ...


class Painter:
    """Renders in the thread that calls `work`, and in no other.

    Args:
        served: Seconds of a core that other threads spent on visitors so far.
    """

    def __init__(self, served: Callable[[], float] = lambda: 0.0) -> None:
        self.served = served
        self._lock = threading.Lock()
        self._works: list[Work] = []

    def add(self, work: Work) -> None:
        """Take up a work."""
        with self._lock:
            self._works.append(work)

    def remove(self, work: Work) -> None:
        """Drop a work, if it is there."""
        with self._lock:
            self._works = [other for other in self._works if other is not work]

    def work(self, seconds: float, share: float = 1.0) -> float:
        """Render for at most about so long, and return the seconds that it took.

        Args:
            share: Of the time that there is for rendering.
        """
        begin, spent = time.perf_counter(), 0.0
        while spent < seconds and (work := self._next()) is not None:
            try:
                work.advance(min(CHUNK_SECONDS, seconds - spent), share)
            except Exception:
                # A picture that cannot be rendered must not end the training that it shows.
                log.exception("a picture could not be rendered")
                work.fail()
            spent = time.perf_counter() - begin
        return spent

    def idle(self, seconds: float) -> None:
        """Render what there is, and wait for more, for about so long."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if not self.work(left):
                time.sleep(SLEEP_SECONDS)

    def _next(self) -> Work | None:
        """The most urgent work, which goes behind all others of its urgency."""
        with self._lock:
            urgent = [(u, i) for i, w in enumerate(self._works) if (u := w.urgency) is not None]
            if not urgent:
                return None
            self._works.append(work := self._works.pop(min(urgent)[1]))
            return work
