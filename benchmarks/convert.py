"""Conversion between fields, part by part: `python -m benchmarks.convert --part matrix`.

Fits and conversions are processes of their own, started through the command line; the ablation
runs in this one, as one of its variants is no option of the program.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any, Literal

import tyro

from benchmarks.quality import nfield
from benchmarks.timing import judge, print_bars, table, write_result
from nfield.conversion.edits import Box, Move, Remove, write_edits
from nfield.fields.presets import presets

MLP = ("model.hidden=8", "model.width=256", "model.skip=4", "model.color_hidden=2")
FEW = ("convert.samples=2048",)  # the wider a network, the more it gains from many small steps
HEAD = Box((-0.45, -0.36, 0.42), (0.45, 0.3, 1.2))  # of the robot of builtin:matte
EDITS = (Remove(Box((-0.8, -0.4, -0.45), (-0.44, 0.3, 0.3))), Move(HEAD, (0.0, -0.5, 0.0)))
CLAMPS = ("convert.least_log_density=-60", "convert.most_log_density=12")
VARIANTS: dict[str, tuple[str, ...]] = {
    "as it is": (),
    "with all stages": ("convert.latents=0.05", "convert.points=0.15"),
    "without the stage of latents": ("convert.points=0.15",),
    "without the clamp": CLAMPS,
    "other samples for each": (),
    "with hard poses": ("convert.hard_poses=true",),
    "without hard rays": ("convert.hard_rays=false",),
    "with heavy points": ("convert.heavy_points=true",),
}


@dataclass(frozen=True)
class Bench:
    """Measure one part of what conversions are worth.

    Args:
        part: matrix, chair, ablation, roundtrip or edit.
        data: the scene; edits are those of builtin:matte.
        downscale: of its images.
        seconds: T of the part.
        teacher_seconds: of fitting the teacher, but in the matrix, whose teachers have 10 T.
        every: judge test views 0, EVERY, 2 EVERY, ...
        fields: presets of the matrix instead of all.
        set: KEY=VALUE of all fits and conversions.
        out: folder of the runs; OUT/PART must not exist yet.
    """

    part: Literal["matrix", "chair", "ablation", "roundtrip", "edit"]
    data: str = "builtin:matte"
    downscale: int = 2
    seconds: float = 20.0
    teacher_seconds: float = 60.0
    every: int = 2
    fields: tuple[str, ...] = ()
    set: tuple[str, ...] = ()
    out: Path = Path("runs/convert")

    def run(self, name: str) -> Path:
        """The folder of a run."""
        return self.out / self.part / name

    def fit(self, name: str, field: str, seconds: float, *settings: str) -> Path:
        """A run of so many seconds."""
        budget = ("--downscale", str(self.downscale), "--max-seconds", str(seconds))
        where = ("--field", field, "--out", str(self.run(name)))
        nfield("fit", self.data, *where, *budget, *_set(*self.set, *settings))
        return self.run(name)

    def convert(self, name: str, run: Path, to: str, seconds: float, *settings: str) -> Path:
        """A conversion of so many seconds, judged."""
        where = ("--to", to, "--out", str(self.run(name)), "--every", str(self.every))
        budget = ("--max-seconds", str(seconds), *_set(*self.set, *settings))
        nfield("convert", str(run), *where, *budget)
        return self.run(name)

    def psnr(self, run: Path) -> float:
        """Of a run on its test views."""
        nfield("eval", str(run), "--every", str(self.every), "--background", "white")
        found: float = json.loads((run / "eval" / "metrics.json").read_text())["mean"]["psnr"]
        return found


def matrix(bench: Bench) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All ordered pairs after T, beside training the student from scratch for 10 T.

    The runs from scratch are the teachers.
    """
    names = bench.fields or tuple(presets("radiance"))
    teachers = {name: bench.fit(name, name, 10 * bench.seconds) for name in names}
    psnr = {name: bench.psnr(run) for name, run in teachers.items()}
    records, bars = [], []
    for known, name in permutations(names, 2):
        made = converted(bench.convert(f"{known}-{name}", teachers[known], name, bench.seconds))
        records.append(
            {
                "teacher": known,
                "student": name,
                "teacher_psnr": psnr[known],
                "scratch_psnr": psnr[name],
                "student_psnr": made["student"]["psnr"],
                "against_teacher": made["against_teacher"]["psnr"],
            }
        )
        if psnr[name] >= psnr[known] - 1:
            loss = psnr[known] - made["student"]["psnr"]
            bars.append(judge(f"{known} to {name}, dB below the teacher", loss, most=1.0))
    return records, bars


def chair(bench: Bench) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A perceptron of 8 x 256 after T from scratch, and taught by a hash grid for T / 10 and T."""
    teacher = bench.fit("ngp", "ngp", bench.teacher_seconds)
    scratch = bench.psnr(bench.fit("scratch", "nerf", bench.seconds, *MLP))
    tenth, whole = (
        converted(
            bench.convert(f"nerf-{share:g}", teacher, "nerf", share * bench.seconds, *MLP, *FEW)
        )
        for share in (0.1, 1.0)
    )
    records = [
        {"run": "teacher", "seconds": bench.teacher_seconds, "psnr": tenth["teacher"]["psnr"]},
        {"run": "from scratch", "seconds": bench.seconds, "psnr": scratch},
        {"run": "taught", "seconds": bench.seconds / 10, "psnr": tenth["student"]["psnr"]},
        {"run": "taught", "seconds": bench.seconds, "psnr": whole["student"]["psnr"]},
    ]
    gains = [made["student"]["psnr"] - scratch for made in (tenth, whole)]
    return records, [
        judge("gain over scratch in a tenth of its time, dB", gains[0], least=0.0),
        judge("gain over scratch in equal time, dB", gains[1], least=0.8),
    ]


def ablation(bench: Bench) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Each ingredient removed, or added, in turn: a hash grid teaches a perceptron for T."""
    from benchmarks.distillation import distilled

    teacher = bench.fit("ngp", "ngp", bench.teacher_seconds)
    options = {"max_seconds": bench.seconds}
    records = []
    for index, (variant, settings) in enumerate(VARIANTS.items()):
        made = distilled(
            teacher,
            bench.run(f"variant-{index}"),
            options,
            (*bench.set, *settings),
            every=bench.every,
            shared=variant != "other samples for each",
        )
        records.append(
            {
                "variant": variant,
                "student_psnr": made["student"]["psnr"],
                "against_teacher": made["against_teacher"]["psnr"],
                "steps": made["step"],
            }
        )
    first = records[0]["against_teacher"]
    return [{**row, "difference": row["against_teacher"] - first} for row in records], []


def roundtrip(bench: Bench) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A hash grid to a voxel grid and back, T each way."""
    teacher = bench.fit("ngp", "ngp", bench.teacher_seconds)
    there = bench.convert("voxel", teacher, "voxel", bench.seconds)
    back = bench.convert("back", there, "ngp", bench.seconds)
    made = (converted(there), converted(back))
    records = [
        {"run": "ngp", "psnr": made[0]["teacher"]["psnr"], "against_before": None},
        *(
            {
                "run": one["student"]["field"],
                "psnr": one["student"]["psnr"],
                "against_before": one["against_teacher"]["psnr"],
            }
            for one in made
        ),
    ]
    return records, []


def edit(bench: Bench) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """An arm removed and the head moved on the way from a hash grid to voxels and back, T each.

    The reports of the two conversions show them.
    """
    teacher = bench.fit("ngp", "ngp", bench.teacher_seconds)
    there = bench.convert(
        "edited", teacher, "voxel", bench.seconds, f"convert.edits={write_edits(EDITS)}"
    )
    back = bench.convert("back", there, "ngp", bench.seconds)
    records = [
        {
            "run": f"{one['teacher']['field']} to {one['student']['field']}",
            "against_teacher": one["against_teacher"]["psnr"],
            "report": str(run / "report.html"),
        }
        for run in (there, back)
        for one in (converted(run),)
    ]
    return records, []


PARTS: dict[str, Callable[[Bench], tuple[list[dict[str, Any]], list[dict[str, Any]]]]] = {
    "matrix": matrix,
    "chair": chair,
    "ablation": ablation,
    "roundtrip": roundtrip,
    "edit": edit,
}


def converted(run: Path) -> dict[str, Any]:
    """What RUN/convert.json holds."""
    found: dict[str, Any] = json.loads((run / "convert.json").read_text())
    return found


def _set(*settings: str) -> tuple[str, ...]:
    return ("--set", *settings) if settings else ()


def main(bench: Bench) -> None:
    """Measure, print and write one part."""
    records, bars = PARTS[bench.part](bench)
    print("\n" + table(records))
    if bars:
        print_bars(bars)
    result = {"bench": {**vars(bench), "out": str(bench.out)}, "records": records, "bars": bars}
    print(f"\nwritten to {write_result(f'convert-{bench.part}', result)}")


if __name__ == "__main__":
    main(tyro.cli(Bench))
