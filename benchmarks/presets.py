"""Every radiance preset on one scene, after given seconds: `python -m benchmarks.presets`.

Fits and evaluations are processes of their own, started through the command line.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tyro

from benchmarks.quality import nfield
from benchmarks.timing import CHAIR, judge, print_bars, table, write_result
from nfield.api import open_run
from nfield.config import resolve
from nfield.fields.presets import presets

LEAST_PSNR = 27.0  # after the longest time, for all but the plain network
PLAIN, MODULATED = "nerf", "cam"
MOST_BYTES = 1e6  # of the modulated network, compressed


def measure(field: str, data: str, downscale: int, seconds: float, run: Path) -> None:
    """Fit one preset for so many seconds of training."""
    budget = ("--downscale", str(downscale), "--max-seconds", str(seconds))
    nfield("fit", data, "--field", field, *budget, "--out", str(run))


def judged(run: Path, seconds: float, every: int) -> dict[str, Any]:
    """Evaluate a run of so many seconds, as it is and compressed: its row of the table."""
    nfield("eval", str(run), "--split", "test", "--every", str(every), "--background", "white")
    result = json.loads((run / "eval" / "metrics.json").read_text())
    compressed = open_run(run).export(every=every)
    return {
        "field": result["field"],
        "seconds": seconds,
        "psnr": result["mean"]["psnr"],
        "ssim": result["mean"]["ssim"],
        "parameters": result["parameters"],
        "bytes": result["bytes"],
        "compressed_bytes": compressed["bytes"],
        "compressed_psnr": compressed["mean"]["psnr"],
        "steps_per_second": result["step"] / result["train_seconds"],
    }


def bars(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """No field but the plain network falls short; modulation gains at every time, and is small."""
    longest = max(record["seconds"] for record in records)
    found = [
        judge(f"PSNR of {r['field']} after {longest:g} s", r["psnr"], least=LEAST_PSNR)
        for r in records
        if r["seconds"] == longest and r["field"] != PLAIN
    ]
    psnr = {(record["field"], record["seconds"]): record["psnr"] for record in records}
    for field, seconds in psnr:
        if field == MODULATED and (PLAIN, seconds) in psnr:
            gain = psnr[field, seconds] - psnr[PLAIN, seconds]
            found.append(judge(f"gain of {field} over {PLAIN} after {seconds:g} s", gain, least=0))
    found += [
        judge(f"bytes of {r['field']}, compressed", r["compressed_bytes"], most=MOST_BYTES)
        for r in records
        if r["seconds"] == longest and r["field"] == MODULATED
    ]
    return found


def main(
    data: str = str(CHAIR),
    downscale: int = 4,
    seconds: tuple[float, ...] = (60.0, 300.0),
    every: int = 20,
    fields: tuple[str, ...] = (),
    out: Path = Path("runs/presets"),
) -> None:
    """Fit all radiance presets to one scene for several lengths of time, and judge each fit.

    Args:
        data: the scene.
        downscale: of its images.
        seconds: training times.
        every: judge test views 0, EVERY, 2 EVERY, ...
        fields: presets instead of all.
        out: folder of the runs; they must not exist yet.
    """
    name = Path(resolve(data).data).name
    records = []
    for field in fields or presets("radiance"):
        for budget in seconds:
            run = out / f"{name}-{downscale}-{field}-{budget:g}s"
            measure(field, data, downscale, budget, run)
            records.append(judged(run, budget, every))
    print("\n" + table(records))
    print_bars(found := bars(records))
    result = {"downscale": downscale, "every": every, "records": records, "bars": found}
    print(f"\nwritten to {write_result(f'presets-{name}-{downscale}', result)}")


if __name__ == "__main__":
    tyro.cli(main)
