"""The training loop: steps until the budget is spent, with a log and checkpoints."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nfield.train.folder import RunFolder
from nfield.train.ranks import Ranks
from nfield.train.trainer import Trainer

LOG_SECONDS = 0.5  # of training between records of the log
PROBED = 1.5  # growth of the time between looks at held-out views, the first after a second


def train(
    trainer: Trainer,
    folder: RunFolder,
    *,
    max_steps: int | None,
    max_seconds: float | None,
    on_step: Callable[[dict[str, Any]], None] | None = None,
    probe: Callable[[Any], float] | None = None,
    pause: Callable[[], bool] = lambda: False,
) -> None:
    """Train until the total of steps or seconds is reached or `pause()` is true, then save.

    Only rank 0 writes.

    `trainer.seconds` counts training alone: no checkpoints, `on_step` or `probe`. Ctrl-C takes
    effect after the step under way, saves, and is raised, on all ranks when it has struck one.

    Args:
        probe: PSNR of the model on held-out views, logged as `test_psnr` after 1, 1.5, 2.25, ...
            seconds and at the end.
    """
    saved = logged = trainer.seconds
    writes, next_probe = trainer.ranks.is_first, max(1.0, PROBED * trainer.seconds)
    with _interrupts_between_steps(trainer.ranks) as interrupted:
        while not (
            _stopped(trainer, interrupted) or spent(trainer, max_steps, max_seconds) or pause()
        ):
            begin = time.perf_counter()
            record = trainer.train_step()
            trainer.seconds += time.perf_counter() - begin
            record |= {"step": trainer.step, "seconds": trainer.seconds}
            done = spent(trainer, max_steps, max_seconds)
            if writes and probe is not None and (done or trainer.seconds >= next_probe):
                record["test_psnr"] = probe(trainer.model)
                next_probe = PROBED * trainer.seconds
            due = "test_psnr" in record or trainer.seconds - logged >= LOG_SECONDS
            if writes and (done or due):
                folder.log(record)
                logged = trainer.seconds
            if on_step is not None:
                on_step(record)
            if writes and trainer.seconds - saved >= trainer.config.train.checkpoint_seconds:
                folder.save(*trainer.state())
                saved = trainer.seconds
        if writes:
            folder.save(*trainer.state())
        trainer.ranks.sum(0.0)  # no rank ends, and has torchrun end the others, before that
    if interrupted.is_set():
        raise KeyboardInterrupt


def _stopped(trainer: Trainer, interrupted: threading.Event) -> bool:
    """Whether any rank is interrupted; all go by the clock of the first."""
    ranks = trainer.ranks
    clock = trainer.seconds if ranks.is_first else 0.0
    trainer.seconds, strikes = ranks.sum(clock, float(interrupted.is_set()))
    if strikes:
        interrupted.set()
    return interrupted.is_set()


def spent(trainer: Trainer, max_steps: int | None, max_seconds: float | None) -> bool:
    """Whether the total of steps or seconds is reached."""
    if max_steps is not None and trainer.step >= max_steps:
        return True
    return max_seconds is not None and trainer.seconds >= max_seconds


@contextmanager
def _interrupts_between_steps(ranks: Ranks) -> Iterator[threading.Event]:
    """Ctrl-C sets the event instead of striking anywhere; a second one strikes as usual.

    With other ranks it does not: torchrun passes on what the terminal has sent already, and asks
    all to end (SIGTERM) when one has.
    """
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted  # only the main thread receives signals
        return

    def note(number: int, frame: object) -> None:
        interrupted.set()
        if ranks.count == 1:
            signal.signal(number, before[number])

    numbers = (signal.SIGINT,) if ranks.count == 1 else (signal.SIGINT, signal.SIGTERM)
    before: dict[int, Any] = {number: signal.signal(number, note) for number in numbers}
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
