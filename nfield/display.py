"""What people see while nfield works: progress on stderr, tables on stdout."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

BAR_SECONDS = 0.25  # between updates of a bar
LINE_SECONDS = 5.0  # between lines where there is no terminal
SMOOTHING = 0.95  # of the training PSNR, which is noisy from step to step
_TITLES = {
    "psnr": "PSNR dB",
    "ssim": "SSIM",
    "lpips": "LPIPS",
    "iou": "IoU",
    "chamfer": "Chamfer distance, of the longest side",
    "normal_error": "normal error, degrees",
}


class FitProgress:
    """Steps, rays or points per second, their PSNR or loss, and the time left."""

    def __init__(self, console: Console, max_steps: int | None, max_seconds: float | None):
        self.record: dict[str, Any] | None = None
        self._console = console
        self._total = float(max_seconds or max_steps or 0)
        self._key = "seconds" if max_seconds else "step"
        self._quality: float | None = None
        self._done, self._all_done, self._rate = 0.0, 0.0, 0.0
        self._since = self._begin = time.perf_counter()
        self._task: TaskID | None = None
        self._bar = Progress(
            TextColumn("step {task.fields[step]}"),
            BarColumn(),
            TextColumn("{task.fields[status]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            refresh_per_second=4,
        )

    def __enter__(self) -> FitProgress:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._bar.stop()
        elif self.record is not None:
            self._rate = self._all_done / (time.perf_counter() - self._begin)
            self._print()

    def __call__(self, record: Mapping[str, Any]) -> None:
        """Take the record of one step."""
        first, self.record = self.record is None, dict(record)
        if first:
            self._since = self._begin = time.perf_counter()
        count = record[self._unit()]
        self._done, self._all_done = self._done + count, self._all_done + count
        quality = record[self._measure()]
        previous = quality if self._quality is None else self._quality
        self._quality = SMOOTHING * previous + (1.0 - SMOOTHING) * quality
        passed = time.perf_counter() - self._since
        if first or passed >= (BAR_SECONDS if self._console.is_terminal else LINE_SECONDS):
            self._rate = 0.0 if first else self._done / passed
            self._done, self._since = 0.0, self._since + passed
            self._show() if self._console.is_terminal else self._print()

    def _unit(self) -> str:
        return "rays" if "rays" in (self.record or {}) else "points"

    def _measure(self) -> str:
        return "psnr" if "psnr" in (self.record or {}) else "loss"

    def _status(self) -> str:
        rate = f"{self._rate / 1e3:.0f}k {self._unit()}/s  " if self._rate else ""
        if self._measure() == "psnr":
            return f"{rate}PSNR {self._quality:.2f} dB"
        return f"{rate}loss {self._quality:.3g}"

    def _show(self) -> None:
        record = self.record or {}
        if self._task is None:
            self._task = self._bar.add_task("", total=self._total, step="", status="")
        self._bar.update(
            self._task, completed=record[self._key], step=record["step"], status=self._status()
        )

    def _print(self) -> None:
        record = self.record or {}
        self._console.print(f"step {record['step']}  {record['seconds']:.1f} s  {self._status()}")


def console(stderr: bool = False, quiet: bool = False) -> Console:
    """Text as it is: names of files may look like markup or numbers."""
    return Console(stderr=stderr, quiet=quiet, soft_wrap=True, markup=False, highlight=False)


def counter(console: Console, what: str) -> Progress:
    """A bar that counts views or frames; silent where there is no terminal."""
    return Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def pairs(console: Console, title: str, values: Mapping[str, Any]) -> None:
    """Print named values under one another; None is left out."""
    table = Table(title=title, title_justify="left", show_header=False, box=None)
    for key, value in values.items():
        if value is not None:
            table.add_row(key.replace("_", " "), _text(value))
    console.print(table)


def columns(console: Console, title: str, rows: Iterable[tuple[str, str, str]]) -> None:
    """Print what a conversion was worth: of the teacher, of the student."""
    table = Table(title=title, title_justify="left", box=None)
    table.add_column("")
    for name in ("teacher", "student"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def loaded(console: Console, data: Any) -> None:
    """Say what was done to the input of a fit, and what comes before its first step."""
    for note in data.notes:
        console.print(f"Note: {note}")
    from nfield.data.mesh import Mesh

    if isinstance(data, Mesh):
        console.print("Measuring distances to the mesh")


def metrics(console: Console, result: Mapping[str, Any]) -> None:
    """Print one row a view, then the mean, and the model's size; of a shape, the measures alone."""
    names = [key for key, value in result["mean"].items() if value is not None]
    size = {key: f"{result[key]:,}" for key in ("parameters", "bytes")}
    if "views" not in result:
        shown = {_TITLES[name]: _metric(name, result["mean"][name]) for name in names} | size
        pairs(console, f"{result['protocol']}, {result['distance']} distances", shown)
        return
    chosen = [result["split"]] if "split" in result else []
    chosen += [f"every {result['every']}"] if "every" in result else []
    head = ", ".join([result["protocol"], *chosen, result["resolution"]])
    table = Table(title=head, title_justify="left")
    table.add_column("view")
    for name in names:
        table.add_column(_TITLES[name], justify="right")
    rows: Iterable[Mapping[str, Any]] = result["views"]
    for row in rows:
        table.add_row(row["name"], *(_metric(name, row[name]) for name in names))
    table.add_section()
    table.add_row("mean", *(_metric(name, result["mean"][name]) for name in names))
    table.caption = "{parameters} parameters, {bytes} bytes".format(**size)
    console.print(table)


def _metric(name: str, value: float) -> str:
    if name == "chamfer":
        return f"{value:.3g}"
    return f"{value:.2f}" if name in ("psnr", "normal_error") else f"{value:.4f}"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return "\n".join(map(str, value)) or "none"
    return str(value)


def output(as_json: bool, values: Any, show: Callable[[Console], None]) -> None:
    """Machine output alone on stdout, or what people read."""
    if as_json:
        print(json.dumps(values, indent=1))
    else:
        show(console())
