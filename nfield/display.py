"""What people see while nfield works: progress on stderr, tables on stdout."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
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


class FitProgress:
    """Steps, rays per second, PSNR of the training rays and the time left."""

    def __init__(self, console: Console, max_steps: int | None, max_seconds: float | None):
        self.record: dict[str, Any] | None = None
        self._console = console
        self._total = float(max_seconds or max_steps or 0)
        self._key = "seconds" if max_seconds else "step"
        self._psnr: float | None = None
        self._rays, self._rate = 0.0, 0.0
        self._since = self._begin = time.perf_counter()
        self._all_rays = 0.0
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
            self._rate = self._all_rays / (time.perf_counter() - self._begin)
            self._print()

    def __call__(self, record: Mapping[str, Any]) -> None:
        """Take the record of one step."""
        first, self.record = self.record is None, dict(record)
        if first:
            self._since = self._begin = time.perf_counter()
        self._rays += record["rays"]
        self._all_rays += record["rays"]
        previous = record["psnr"] if self._psnr is None else self._psnr
        self._psnr = SMOOTHING * previous + (1.0 - SMOOTHING) * record["psnr"]
        passed = time.perf_counter() - self._since
        if first or passed >= (BAR_SECONDS if self._console.is_terminal else LINE_SECONDS):
            self._rate = 0.0 if first else self._rays / passed
            self._rays, self._since = 0.0, self._since + passed
            self._show() if self._console.is_terminal else self._print()

    def _status(self) -> str:
        rate = f"{self._rate / 1e3:.0f}k rays/s  " if self._rate else ""
        return f"{rate}PSNR {self._psnr:.2f} dB"

    def _show(self) -> None:
        record = self.record or {}
        if self._task is None:
            self._task = self._bar.add_task("", total=self._total, step="", status="")
        self._bar.update(
            self._task, completed=record[self._key], step=record["step"], status=self._status()
        )

    def _print(self) -> None:
        record = self.record or {}
        self._console.print(
            f"step {record['step']}  {record['seconds']:.1f} s  {self._status()}", highlight=False
        )


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
    console.print(table, highlight=False)


def metrics(console: Console, result: Mapping[str, Any]) -> None:
    """Print one row a view, then the mean."""
    names = [key for key, value in result["mean"].items() if value is not None]
    head = f"{result['protocol']}, {result['split']} every {result['every']}"
    table = Table(title=f"{head}, {result['resolution']}", title_justify="left")
    table.add_column("view")
    for name in names:
        table.add_column("PSNR dB" if name == "psnr" else name.upper(), justify="right")
    rows: Iterable[Mapping[str, Any]] = result["views"]
    for row in rows:
        table.add_row(row["name"], *(_metric(name, row[name]) for name in names))
    table.add_section()
    table.add_row("mean", *(_metric(name, result["mean"][name]) for name in names))
    console.print(table, highlight=False)


def _metric(name: str, value: float) -> str:
    return f"{value:.2f}" if name == "psnr" else f"{value:.4f}"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return "\n".join(map(str, value)) or "none"
    return str(value)
