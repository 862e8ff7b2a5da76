"""A small suite, a pool in this process, and made-up results."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

from nfield.bench.job import Job, work
from nfield.bench.outcome import Outcome
from nfield.bench.plan import Problem
from nfield.bench.results import Results, Row
from nfield.bench.suite import Published
from nfield.errors import InputError

SETTINGS = """
train.samples = 1024
train.rays = 64
train.checkpoint_seconds = 0.01
occupancy.resolution = 16
occupancy.steps = 64
"""
NGP = "{ model.log2_table = 8, model.levels = 2 }"


def write_suite(path: Path, *, scenes: str, methods: str = f"ngp = {NGP}", rest: str = "") -> str:
    """A suite of a few steps; its file's name."""
    path.write_text(
        f'title = "Small"\n{rest}\n[fit]\nmax_steps = 6\n{SETTINGS}\n[evaluate]\nevery = 2\n'
        f"[methods]\n{methods}\n[scenes]\n{scenes}\n"
    )
    return str(path)


class Here:
    """A pool without processes."""

    def __init__(self) -> None:
        self.begun: list[str] = []

    def __call__(self, jobs: tuple[Job, ...], out: Path) -> Generator[Outcome, None, None]:
        for job in jobs:
            self.begun.append(job.name)
            try:
                work(job, out)
                yield Outcome(job)
            except InputError as error:
                yield Outcome(job, str(error))


def row(scene: str, method: str, seed: int, psnr: float, **changes: object) -> Row:
    """A made-up row."""
    values: dict[str, object] = {
        "scene": scene,
        "method": method,
        "seed": seed,
        "run": f"runs/{scene}/{method}/seed-{seed}",
        "field": method,
        "budget": "6 steps",
        "protocol": "nfield-nvs-1",
        "resolution": "32x32",
        "background": "white",
        "views": 2,
        "every": 2,
        "metrics": {"psnr": psnr, "ssim": psnr / 100, "lpips": None},
        "parameters": 10,
        "bytes": 40,
        "step": 6,
        "train_seconds": 0.5,
        "seconds_per_view": 0.1,
        "machine": "a machine",
        "shown": None,
    }
    return Row(**values | changes)  # type: ignore[arg-type]


def results(
    rows: Sequence[Row],
    *,
    published: Sequence[Published] = (),
    problems: Sequence[Problem] = (),
    scenes: Sequence[str] = (),
) -> Results:
    """Made-up results."""
    named = tuple(scenes) or tuple(dict.fromkeys(row.scene for row in rows))
    return Results("s", "A suite", "About.", named, tuple(published), tuple(rows), tuple(problems))
