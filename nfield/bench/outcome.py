"""How a job ended."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nfield.bench.job import Job

RETRIES = 2  # further attempts at a job whose process was lost


@dataclass(frozen=True)
class Outcome:
    """A job, and in one sentence why it is not done, if it is not."""

    job: Job
    error: str | None = None


class Pool(Protocol):
    """Something that does jobs; closing the iterator stops those under way, saved."""

    def __call__(self, jobs: tuple[Job, ...], out: Path) -> Generator[Outcome, None, None]: ...
