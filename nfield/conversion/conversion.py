"""A conversion from its first step to its report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nfield.conversion.lesson import Lesson, settled
from nfield.conversion.report import Watch, compare
from nfield.errors import InputError
from nfield.train.folder import RunFolder
from nfield.train.loop import train
from nfield.train.trainer import Trainer
from nfield.verbs.scene import probe_of


class Conversion:
    """A teacher, the student's run folder, and the student; nothing is written before `train`.

    Args:
        teacher, folder: See `nfield.conversion.plan`.
        resume: Return to the last checkpoint in `folder`.
        beside: A fit from photos to be shown beside the student, see `nfield.conversion.beside`.

    Attributes:
        lesson: See `Lesson`; its `notes` say what the conversion will do.

    Raises:
        InputError: as `Lesson` and `settled`, or the checkpoint does not fit.
    """

    def __init__(
        self,
        teacher: RunFolder,
        folder: RunFolder,
        *,
        resume: bool = False,
        beside: RunFolder | None = None,
    ):
        folder.config, scene, notes = settled(folder.config)
        self.folder, self._beside = folder, beside
        self.lesson = Lesson(teacher, folder.config, scene, notes)
        self._probe = None if self.lesson.is_edited else probe_of(scene, folder.config)
        if beside is not None and self._probe is None:
            raise InputError(
                f"--beside: test views must be at hand, got none in {folder.config.data}; "
                "leave it out"
            )
        state = folder.load() if resume else None
        if state is None:
            self.trainer = Trainer(self.lesson, folder.config)
        else:
            self.trainer = Trainer.resume(self.lesson, folder.config, *state)

    def train(self, on_step: Callable[[dict[str, Any]], None] | None = None) -> None:
        """Train until the budget is spent, then save; see `nfield.train.loop.train`."""
        config = self.folder.config
        self.folder.begin(self.trainer.step)
        try:
            train(
                self.trainer,
                self.folder,
                max_steps=config.max_steps,
                max_seconds=config.max_seconds,
                on_step=on_step,
                probe=self._probe,
            )
        finally:
            self.folder.close()

    def compare(
        self, every: int | None = None, watch: Watch = lambda done, total: None
    ) -> dict[str, Any]:
        """The student beside its teacher, see `nfield.conversion.report.compare`."""
        student: Any = self.trainer.model
        return compare(
            self.folder, self.lesson, student, every=every, beside=self._beside, watch=watch
        )
