"""The training loop: steps until the budget is spent, with a log and checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from nfield.train.folder import RunFolder
from nfield.train.trainer import Trainer

LOG_EVERY = 50  # steps


def train(
    trainer: Trainer,
    folder: RunFolder,
    *,
    max_steps: int | None,
    max_seconds: float | None,
    on_step: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Train until the total of steps or seconds is reached, then save.

    `trainer.seconds` counts training alone: neither checkpoints nor `on_step`. Ctrl-C saves before it
    is raised again.
    """
    saved = time.perf_counter()
    try:
        while not _spent(trainer, max_steps, max_seconds):
            begin = time.perf_counter()
            record = trainer.train_step()
            end = time.perf_counter()
            trainer.seconds += end - begin
            record |= {"step": trainer.step, "seconds": trainer.seconds}
            if trainer.step % LOG_EVERY == 0:
                folder.log(record)
            if on_step is not None:
                on_step(record)
            if end - saved > trainer.config.train.checkpoint_seconds:
                folder.save(*trainer.state())
                saved = time.perf_counter()
    finally:
        folder.save(*trainer.state())


def _spent(trainer: Trainer, max_steps: int | None, max_seconds: float | None) -> bool:
    if max_steps is not None and trainer.step >= max_steps:
        return True
    return max_seconds is not None and trainer.seconds >= max_seconds
