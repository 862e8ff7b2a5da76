"""The demonstration, `make demo`: fit a built-in scene, judge it, film it, and report."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import tyro

from nfield import api, display
from nfield.config import to_dict
from nfield.errors import InputError
from nfield.evaluate.protocol import Judged
from nfield.evaluate.report import write_report
from nfield.evaluate.sheet import contact_sheet
from nfield.export.image import depth_colors, normal_colors, write_image

SHOWN = 3  # views in the contact sheet


def demo(
    data: str = "builtin:matte",
    seconds: float = 60.0,
    out: Path = Path("runs/demo"),
    every: int = 5,
) -> Path:
    """Fit, evaluate, render an orbit and write RUN/report.html; an earlier demo run is replaced.

    Args:
        data: Scene to fit.
        seconds: Training time.
        out: Run folder.
        every: Evaluate test views 0, every, 2 every, ...
    """
    console = display.console(stderr=True)
    if (out / "config.toml").exists():
        shutil.rmtree(out)
    console.print(f"1/4 Fitting a neural field to {data} for {seconds:g} seconds")
    with display.FitProgress(console, None, seconds) as progress:
        run = api.fit(data, out=out, max_seconds=seconds, on_step=progress)
    console.print("2/4 Judging it on views it has not seen")
    judged: list[Judged] = []
    with display.counter(console, "evaluating") as bar:
        task = bar.add_task("", total=None)

        def watch(one: Judged) -> None:
            judged.append(one)
            bar.update(task, completed=one.done, total=one.total)

        metrics = run.evaluate(every=every, watch=watch)
    display.metrics(console, metrics)
    console.print("3/4 Filming it from all around")
    with display.counter(console, "rendering") as bar:
        task = bar.add_task("", total=None)
        video = run.render_path(watch=lambda total: bar.update(task, advance=1, total=total))
    console.print("4/4 Writing the report")
    shown = judged[:: max(1, len(judged) // SHOWN)][:SHOWN]
    sheet = contact_sheet(shown)
    write_image(out / "eval" / "sheet.png", sheet)
    image = run.render(run.views().cameras[shown[0].index], normals=True)
    opacity = image.opacity.numpy()
    pictures = {"depth": depth_colors(image.depth.numpy(), opacity)}
    if image.normal is not None:
        pictures["normals"] = normal_colors(image.normal.numpy(), opacity)
    for name, picture in pictures.items():
        write_image(out / "renders" / f"{name}.png", picture)
    report = write_report(
        out,
        config=to_dict(run.config),
        metrics=metrics,
        records=run.folder.records(),
        sheet=sheet,
        pictures=pictures,
        video=video,
    )
    display.pairs(
        console,
        f"PSNR {metrics['mean']['psnr']:.2f} dB after {seconds:g} seconds. Open:",
        {"report": report.resolve().as_uri(), "video": video, "run": out},
    )
    return report


if __name__ == "__main__":
    try:
        tyro.cli(demo, prog="python -m nfield.demo")
    except InputError as error:
        sys.exit(f"nfield: {error}")
