"""Training in turns with rendering: started, paused, resumed and saved from the page."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from nfield.train.folder import RunFolder
from nfield.train.loop import spent, train
from nfield.train.trainer import Trainer
from nfield.viewer.painter import CHUNK_SECONDS, Painter
from nfield.viewer.share import Share

IDLE_SECONDS = 0.05


class Training:
    """A fit that leaves a painter a share of the time.

    `running` and `save` may be touched in any thread; all else is done in the one of `run`.

    Args:
        share: Of the time, at most, that goes to showing while training runs.
        tick: Called after every step, and while nothing is trained.
        probe: As of `nfield.train.loop.train`.
    """

    def __init__(
        self,
        trainer: Trainer,
        folder: RunFolder,
        painter: Painter,
        *,
        share: float,
        tick: Callable[[], None],
        probe: Callable[[Any], float] | None = None,
        on_step: Callable[[dict[str, Any]], None] | None = None,
    ):
        self.trainer, self.folder, self.share = trainer, folder, share
        self.running = threading.Event()
        self.save = threading.Event()
        self.closing = threading.Event()
        self.record: dict[str, Any] = {"step": trainer.step, "seconds": trainer.seconds}
        self._painter, self._tick = painter, tick
        self._probe, self._on_step = probe, on_step
        self._account = Share(share)
        self._seconds, self._served_before = trainer.seconds, 0.0

    @property
    def over(self) -> bool:
        """Whether the budget is spent."""
        config = self.trainer.config
        return spent(self.trainer, config.max_steps, config.max_seconds)

    def run(self) -> None:
        """Train until the budget is spent or `closing` is set, rendering in between.

        Raises:
            KeyboardInterrupt: Ctrl-C, after the state is saved.
        """
        config = self.trainer.config
        while not (self.over or self.closing.is_set()):
            if self.running.is_set():
                self._served_before = self._painter.served()
                train(
                    self.trainer,
                    self.folder,
                    max_steps=config.max_steps,
                    max_seconds=config.max_seconds,
                    on_step=self._after_step,
                    probe=self._probe,
                    pause=lambda: self.closing.is_set() or not self.running.is_set(),
                )
            else:
                self._save_if_wanted()
                self._painter.idle(IDLE_SECONDS)
                self._tick()

    def _after_step(self, record: dict[str, Any]) -> None:
        self.record = record
        # A step waits for its slowest thread: what visitors take of one core, they take of all.
        served = self._painter.served() - self._served_before
        self._account.trained(record["seconds"] - self._seconds - served)
        self._account.shown(served)
        self._seconds, self._served_before = record["seconds"], self._served_before + served
        begin = time.perf_counter()
        if self._account.left >= CHUNK_SECONDS:  # less would be spent on beginning and ending
            self._painter.work(self._account.left, self.share)
        self._tick()
        self._account.shown(time.perf_counter() - begin)
        self._save_if_wanted()
        if self._on_step is not None:
            self._on_step(record)

    def _save_if_wanted(self) -> None:
        if self.save.is_set():
            self.folder.save(*self.trainer.state())
            self.save.clear()
