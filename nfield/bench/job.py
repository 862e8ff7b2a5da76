"""One job of a sweep: fit a method to a scene with a seed, judge it, leave a run folder."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from nfield.config import BUDGET, differences, resolve
from nfield.errors import InputError
from nfield.files import replacing
from nfield.train.folder import RunFolder

if TYPE_CHECKING:
    from nfield.evaluate.protocol import Judged


@dataclass(frozen=True)
class Job:
    """What is fitted, and how it is judged.

    Args:
        settings: Configuration by dotted key, the field and the budget among it.
        evaluate: Options of `nfield.run.Run.evaluate`.
    """

    scene: str
    method: str
    seed: int
    data: str
    settings: Mapping[str, Any]
    evaluate: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.scene}/{self.method}/seed-{self.seed}"

    def folder(self, out: Path) -> Path:
        """Where its run is in the sweep's folder."""
        return out / "runs" / self.name


def is_done(job: Job, out: Path) -> bool:
    """Whether the run holds the metrics of this very job."""
    return record_of(job, out) is not None


def record_of(job: Job, out: Path) -> dict[str, Any] | None:
    """What `work` wrote of a job that is done: ``metrics``, ``machine``, ``shown``; else None."""
    folder = job.folder(out) / "eval"
    try:
        record: dict[str, Any] = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        text = (folder / "metrics.json").read_bytes()
        same = record["job"] == asdict(job) and record["metrics_sha256"] == _digest(text)
        return record | {"metrics": json.loads(text)} if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def work(job: Job, out: Path) -> None:
    """Do a job, or what is left of it: a run that was stopped goes on from its checkpoint.

    Processes that are given the same job wait for each other, and it is done once.

    Raises:
        InputError: what is wrong with the data or the settings.
    """
    folder = job.folder(out)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if not is_done(job, out):
            _fit_and_judge(job, folder)


def _fit_and_judge(job: Job, folder: Path) -> None:
    from nfield.api import fit

    begun = (folder / "config.toml").exists()
    if begun:
        _require_budget(job, folder)
    run = fit(
        job.data,
        out=folder,
        resume=begun,
        seed=job.seed,
        field=job.settings["field"],
        set=[f"{key}={value}" for key, value in job.settings.items() if key != "field"],
    )
    shown: dict[str, Any] = {}

    def watch(judged: Judged) -> None:
        # One view in the middle stands for all in the report.
        if judged.done == (judged.total + 1) // 2:
            shown.update(_keep(judged, folder / "eval"))

    run.evaluate(**job.evaluate, watch=watch)
    record = {
        "job": asdict(job),
        "metrics_sha256": _digest((folder / "eval" / "metrics.json").read_bytes()),
        "machine": machine(),
        "shown": shown or None,
    }
    with replacing(folder / "eval" / "job.json") as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _require_budget(job: Job, folder: Path) -> None:
    """Refuse to train a run of another budget further: its learning rate fell over that one."""
    found = RunFolder.open(folder).config
    wanted = resolve(job.data, job.settings)
    budgets = [{key: getattr(config, key) for key in BUDGET} for config in (found, wanted)]
    if budgets[0] != budgets[1]:
        raise InputError(
            f"{folder}: run must have the sweep's budget, got {differences(*budgets)}; "
            "give that budget again or choose another --out"
        )


def _keep(judged: Judged, folder: Path) -> dict[str, Any]:
    """Write truth and prediction of a view for the report, and return its scores."""
    from nfield.export.image import write_image

    for name, image in (("truth", judged.truth), ("prediction", judged.prediction)):
        write_image(folder / f"{name}.png", image)
    return {key: judged.row[key] for key in ("name", "psnr", "ssim")}


def machine() -> str:
    """Processor, cores, threads and instruction set in words: where seconds were measured."""
    from nfield.ops import native

    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, {native.threads()} threads, {native.isa()}"


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
