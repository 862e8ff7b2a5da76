"""A fit from photos beside a student: which was how good when. Torch-free."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nfield.config import Config, differences, identity
from nfield.errors import InputError
from nfield.train.folder import RunFolder

Curve = list[tuple[float, float]]
_ALIKE = ("field", "model.", "downscale", "background")  # keys that decide what is compared


def open_beside(path: str | Path, student: Config) -> RunFolder:
    """The run of a fit that a student can be compared with.

    Raises:
        InputError: not a run, a conversion, a run of another field or of other data, one that has
            no PSNR of test views in its log, or a student whose edits change what photos show.
    """
    run = RunFolder.open(path)
    if run.config.convert is not None:
        raise InputError(f"--beside: run must be trained from photos, got a conversion, {path}")
    changed = differences(_alike(student), _alike(run.config))
    if run.config.data != student.data:
        changed = f"data {run.config.data!r} (was {student.data!r})"
    if changed:
        raise InputError(
            f"--beside: run must be of the student's field and data, got {changed}; fit one with "
            "these settings"
        )
    if student.convert is not None and student.convert.edits:
        raise InputError(
            f"--beside: a student beside a fit must not be edited, got "
            f"{student.convert.edits!r}; leave --beside out"
        )
    if not held_out_curve(run.records()):
        raise InputError(
            f"--beside: log must have the PSNR of test views over time, got none in {path}; fit "
            "it again, to data with a test split"
        )
    return run


def held_out_curve(records: Iterable[Mapping[str, Any]]) -> Curve:
    """Seconds of training and PSNR on test views, wherever a log has it."""
    return [(r["seconds"], r["test_psnr"]) for r in records if r.get("test_psnr") is not None]


def reached(curve: Curve, psnr: float) -> float | None:
    """Seconds after which a curve was first at least at a PSNR; None where it never was."""
    return next((seconds for seconds, value in curve if value >= psnr), None)


def _alike(config: Config) -> dict[str, Any]:
    return {key: value for key, value in identity(config).items() if key.startswith(_ALIKE)}
