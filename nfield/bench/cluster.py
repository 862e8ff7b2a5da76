"""Jobs on a Ray cluster. Ray is imported when the first job is submitted."""

from __future__ import annotations

import logging
import os
import re
import socket
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nfield.bench.job import Job, work
from nfield.bench.outcome import RETRIES, Outcome
from nfield.errors import InputError
from nfield.extras import require

LOCAL = "local"
IN_FLIGHT = 1000  # jobs that the scheduler knows of at a time
# Seconds: between looks at what has ended, for what is stopped to save, for an address to answer.
_WAIT, _STOP, _REACH = 0.2, 60.0, 10.0


@dataclass(frozen=True)
class Cluster:
    """A `Pool` of Ray tasks, one a job, retried where a worker or a node is lost.

    OUT must be a folder that all nodes see, and nfield must be installed on all.

    Args:
        address: Of an existing cluster, as `ray.init` takes it, or `local` to start one here.
        cpus, gpus: What a job asks for.
        do: What is done with a job.
    """

    address: str = LOCAL
    cpus: float = 1.0
    gpus: float = 0.0
    do: Callable[[Job, Path], None] = work

    def __call__(self, jobs: tuple[Job, ...], out: Path) -> Generator[Outcome, None, None]:
        ray = self._connect()
        try:
            self._require_room(ray)
        except InputError:
            ray.shutdown()
            raise
        options = {"num_cpus": self.cpus, "num_gpus": self.gpus, "max_retries": RETRIES}
        remote = ray.remote(**options)(_attempt)
        waiting = list(reversed(jobs))
        pending: dict[Any, Job] = {}
        try:
            while waiting or pending:
                while waiting and len(pending) < IN_FLIGHT:
                    job = waiting.pop()
                    pending[remote.remote(self.do, job, out.resolve())] = job
                ready, _ = ray.wait(list(pending), num_returns=len(pending), timeout=_WAIT)
                for reference in ready:
                    yield Outcome(pending.pop(reference), _result(ray, reference))
        finally:
            _stop(ray, list(pending))
            ray.shutdown()

    def _connect(self) -> Any:
        ray = require("ray", "cluster", "--cluster")
        options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
        if self.address == LOCAL:
            # Ray asks usage to be reported home unless told otherwise.
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            options |= {"include_dashboard": False, "address": LOCAL}
        else:
            options["address"] = self.address
        try:
            _reach(self.address)
            ray.init(**options)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(
                f"--cluster: a Ray cluster must answer at {self.address}, got {reason}; "
                "check the address, or use --cluster local"
            ) from error
        return ray

    def _require_room(self, ray: Any) -> None:
        """Refuse jobs that would wait for ever."""
        for option, wanted, name in (("cpus", self.cpus, "CPU"), ("gpus", self.gpus, "GPU")):
            if wanted > (most := _most(ray, name)):
                raise InputError(
                    f"--{option}: a job must fit one node of the cluster, which has at most "
                    f"{most:g}, got {wanted:g}; ask for less"
                )


def _most(ray: Any, name: str) -> float:
    """The most of a resource that one node has."""
    return max((float(node["Resources"].get(name, 0)) for node in ray.nodes()), default=0.0)


def _reach(address: str) -> None:
    """Raise OSError where nothing listens: Ray would try for minutes."""
    place = re.fullmatch(r"(?:ray://)?([^:/]+):(\d+)", address)
    if place:
        socket.create_connection((place[1], int(place[2])), _REACH).close()


def _attempt(do: Callable[[Job, Path], None], job: Job, out: Path) -> str | None:
    """Do a job on a worker; what went wrong comes back as a sentence."""
    try:
        do(job, out)
    except InputError as error:
        return " ".join(str(error).split())
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    return None


def _result(ray: Any, reference: Any) -> str | None:
    try:
        error: str | None = ray.get(reference)
    except ray.exceptions.RayError as lost:
        first = next((line for line in str(lost).split("\n") if line.strip()), "")
        return f"its worker was lost, {RETRIES + 1} times: {type(lost).__name__}: {first.strip()}"
    return error


def _stop(ray: Any, references: list[Any]) -> None:
    """Interrupt what is under way, which saves, and wait for it."""
    for reference in references:
        ray.cancel(reference, force=False)
    end = time.monotonic() + _STOP
    while references and time.monotonic() < end:
        _, references = ray.wait(references, num_returns=len(references), timeout=_WAIT)
