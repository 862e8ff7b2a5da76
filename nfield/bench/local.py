"""Jobs as processes on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path

from nfield.bench.job import Job
from nfield.bench.outcome import RETRIES, Outcome
from nfield.errors import InputError

WORKER = ("-m", "nfield.bench.worker")
_POLL = 0.05  # seconds


@dataclass
class _Running:
    job: Job
    attempt: int
    log: Path
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End the input that the process follows."""
        assert self.process.stdin is not None
        self.process.stdin.close()


@dataclass(frozen=True)
class Local:
    """A `Pool` of processes, each with its share of the cores unless OMP_NUM_THREADS is set.

    What a process prints is in OUT/logs. One that is killed is started again, and goes on from its
    checkpoint.

    Raises:
        InputError: fewer than one worker.
    """

    workers: int = 1

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InputError(
                f"--workers: number must be at least 1, got {self.workers}; correct it"
            )

    def __call__(self, jobs: tuple[Job, ...], out: Path) -> Generator[Outcome, None, None]:
        waiting = [(job, 0) for job in reversed(jobs)]
        running: list[_Running] = []
        try:
            while waiting or running:
                while waiting and len(running) < self.workers:
                    running.append(self._start(*waiting.pop(), out))
                ended = [one for one in running if one.process.poll() is not None]
                running = [one for one in running if one not in ended]
                for one in ended:
                    one.stop()
                    if one.process.returncode < 0 and one.attempt < RETRIES:
                        waiting.append((one.job, one.attempt + 1))
                    else:
                        yield Outcome(one.job, _error(one))
                if not ended:
                    time.sleep(_POLL)
        finally:
            for one in running:
                one.stop()
            for one in running:
                one.process.wait()

    def _start(self, job: Job, attempt: int, out: Path) -> _Running:
        log = out / "logs" / f"{job.name.replace('/', '_')}.txt"
        log.parent.mkdir(parents=True, exist_ok=True)
        share = str(max(1, _cores() // self.workers))
        with log.open("ab") as file:
            process = subprocess.Popen(
                [sys.executable, *WORKER, str(out), json.dumps(asdict(job))],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=file,
                env={"OMP_NUM_THREADS": share, **os.environ},
                # Ctrl-C is for the sweep, which then stops its processes.
                start_new_session=True,
            )
        return _Running(job, attempt, log, process)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _error(one: _Running) -> str | None:
    code = one.process.returncode
    if code == 0:
        return None
    lines = one.log.read_text(encoding="utf-8", errors="replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "nothing was printed")
    if code == 2:
        return last
    if code < 0:
        return f"its process was killed by signal {-code}, {RETRIES + 1} times; see {one.log}"
    return f"{last} (exit code {code}); see {one.log}"
