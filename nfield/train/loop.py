"""The training loop: steps until the budget is spent, with a log and checkpoints."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nfield.train.folder import RunFolder
from nfield.train.trainer import Trainer

LOG_SECONDS = 0.5  # of training between records of the log


def train(
    trainer: Trainer,
    folder: RunFolder,
    *,
    max_steps: int | None,
    max_seconds: float | None,
    on_step: Callable[[dict[str, Any]], None] | None = None,
    pause: Callable[[], bool] = lambda: False,
) -> None:
    """Train until the total of steps or seconds is reached or `pause()` is true, then save.

    `trainer.seconds` counts training alone: neither checkpoints nor `on_step`. Ctrl-C takes effect
    after the step under way, saves, and is raised.
    """
    saved = logged = trainer.seconds
    with _interrupts_between_steps() as interrupted:
        while not (spent(trainer, max_steps, max_seconds) or interrupted.is_set() or pause()):
            begin = time.perf_counter()
            record = trainer.train_step()
            trainer.seconds += time.perf_counter() - begin
            record |= {"step": trainer.step, "seconds": trainer.seconds}
            done = spent(trainer, max_steps, max_seconds)
            if done or trainer.seconds - logged >= LOG_SECONDS:
                folder.log(record)
                logged = trainer.seconds
            if on_step is not None:
                on_step(record)
            if trainer.seconds - saved >= trainer.config.train.checkpoint_seconds:
                folder.save(*trainer.state())
                saved = trainer.seconds
        folder.save(*trainer.state())
    if interrupted.is_set():
        raise KeyboardInterrupt


def spent(trainer: Trainer, max_steps: int | None, max_seconds: float | None) -> bool:
    """Whether the total of steps or seconds is reached."""
    if max_steps is not None and trainer.step >= max_steps:
        return True
    return max_seconds is not None and trainer.seconds >= max_seconds


@contextmanager
def _interrupts_between_steps() -> Iterator[threading.Event]:
    """Ctrl-C sets the event instead of striking anywhere; a second one strikes as usual."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted  # only the main thread receives signals
        return

    def note(number: int, frame: object) -> None:
        interrupted.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
