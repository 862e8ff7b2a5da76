"""The program `nfield`: each verb is a thin call into a Python function a script could make."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro
from rich.console import Console
from tyro.conf import OmitSubcommandPrefixes, Positional, UseAppendAction, arg, subcommand

from nfield.errors import InputError

Text = Annotated[str | None, arg(metavar="NAME", help_behavior_hint="")]
Count = Annotated[int | None, arg(metavar="N", help_behavior_hint="")]
Seconds = Annotated[float | None, arg(metavar="S", help_behavior_hint="")]
Place = Annotated[str | None, arg(metavar="PATH", help_behavior_hint="")]
Assignments = Annotated[
    tuple[str, ...], UseAppendAction, arg(metavar="KEY=VALUE", help_behavior_hint="(repeatable)")
]
Size = Annotated[tuple[int, int] | None, arg(metavar="W H", help_behavior_hint="")]
Switch = Annotated[bool, arg(help_behavior_hint="")]
Data = Annotated[Positional[str], arg(metavar="DATA", help_behavior_hint="")]
RunPath = Annotated[Positional[str], arg(metavar="RUN", help_behavior_hint="")]
Background = Annotated[
    Literal["white", "black", "random"] | None, arg(metavar="COLOUR", help_behavior_hint="")
]
What = Annotated[
    Literal["rgb", "depth", "normal"] | None, arg(metavar="QUANTITY", help_behavior_hint="")
]


@dataclass(frozen=True)
class Fit:
    """Fit a field to a scene, an image, a shape or a video.

    It trains for 60 seconds unless a budget is given.
    """

    data: Data
    """Folder or transforms.json of a scene, builtin:matte | glossy | thin, an image, a mesh, a
    video, or a recipe (*.toml)."""
    field: Text = None
    """Preset of the field (ngp, hash-image, hash-sdf or hash-video)."""
    out: Place = None
    """Run folder (runs/<data>-<field>)."""
    max_steps: Count = None
    """Budget in steps, in total; the learning rate falls over train.decay_steps steps."""
    max_seconds: Seconds = None
    """Budget in seconds of training alone, in total."""
    downscale: Count = None
    """Divide the images' sides by N (1)."""
    seed: Count = None
    """Seed of everything random (0)."""
    background: Background = None
    """white | black | random: behind images with alpha (random; white for one image)."""
    device: Text = None
    """auto | cpu | cuda (auto)."""
    resume: Switch = False
    """Continue the run in --out where it was stopped."""
    set: Assignments = ()
    """Override any key of the configuration, such as train.samples=4096."""
    json: Switch = False
    """Print the result as JSON on stdout."""


@dataclass(frozen=True)
class Eval:
    """Judge a run by what it was fitted to; writes RUN/eval/metrics.json."""

    run: RunPath
    """Run folder."""
    split: Text = None
    """Split of a scene (test)."""
    every: Count = None
    """Take views, or frames, 0, N, 2N, ... (1)."""
    lpips_weights: Place = None
    """File with LPIPS weights; without it LPIPS is null."""
    background: Background = None
    """white | black (the run's, white if that was random)."""
    json: Switch = False
    """Print metrics.json on stdout."""


@dataclass(frozen=True)
class Render:
    """Render what a run has learned: a film of a scene or shape, a video, or an image."""

    run: RunPath
    """Run folder."""
    path: Text = None
    """Of a scene: orbit | train | test | FILE with cameras (orbit)."""
    frames: Count = None
    """Length of an orbit (60) or of a video (its own), or how many of a path's cameras (all)."""
    what: What = None
    """rgb | depth | normal: of a scene or shape; a folder's depth pictures hold 16-bit values
    (rgb)."""
    out: Place = None
    """FILE.mp4, of an image FILE.png; of a scene or shape also a folder (in RUN/renders)."""
    size: Size = None
    """Width and height in pixels of anything but given cameras (those of the data; 512 512 of a
    shape)."""
    json: Switch = False
    """Print the result as JSON on stdout."""


@dataclass(frozen=True)
class Info:
    """Say what a run, a scene, an image, a shape or a video is: sizes, cameras, warnings."""

    path: Annotated[Positional[str], arg(metavar="RUN|DATA")]
    """Run folder, or what could be fitted."""
    json: Switch = False
    """Print it as JSON on stdout."""


@dataclass(frozen=True)
class Doctor:
    """Say what this installation can do, and how to get what is missing."""

    json: Switch = False
    """Print it as JSON on stdout."""


def fit(args: Fit, err: Console) -> int:
    from nfield.train.folder import RunFolder

    names = ("field", "max_steps", "max_seconds", "downscale", "seed", "background", "device")
    options = {name: getattr(args, name) for name in names}
    # Wrong options are refused before torch is imported.
    plan = RunFolder.plan(args.data, options, args.set, out=args.out, resume=args.resume)
    config, out = plan.config, str(plan.path)
    err.print(f"Fitting {config.field} to {config.data}; run folder {out}", highlight=False)
    from nfield import api, display

    progress = display.FitProgress(err, config.max_steps, config.max_seconds)
    try:
        with progress:
            api.fit(
                args.data,
                out=out,
                resume=args.resume,
                set=args.set,
                on_load=lambda data: display.loaded(err, data),
                on_step=progress,
                **options,
            )
    except KeyboardInterrupt:
        if progress.record is None:
            raise
        again = shlex.join(["nfield", "fit", args.data, "--out", out, "--resume"])
        err.print(f"Stopped and saved at step {progress.record['step']}. Resume with: {again}")
        return 130
    result = {"run": out, **(progress.record or {})}
    if progress.record is None:
        err.print("The budget is spent already: give a larger --max-steps or --max-seconds.")
    err.print(f"Next: {shlex.join(['nfield', 'eval', out])}", highlight=False)
    _output(args.json, result, lambda console: console.print(out, highlight=False))
    return 0


def evaluate(args: Eval, err: Console) -> int:
    from nfield import api, display

    run = api.open_run(args.run)
    with display.counter(err, "evaluating") as bar:
        task = bar.add_task("", total=None)
        result = run.evaluate(
            args.split,
            every=args.every,
            lpips_weights=args.lpips_weights,
            background=args.background,
            watch=lambda judged: bar.update(task, completed=judged.done, total=judged.total),
        )
    _output(args.json, result, lambda console: display.metrics(console, result))
    if result.get("lpips_reason"):
        err.print(f"LPIPS: {result['lpips_reason']}", highlight=False)
    return 0


def render(args: Render, err: Console) -> int:
    from nfield import api, display

    run = api.open_run(args.run)
    with display.counter(err, "rendering") as bar:
        task = bar.add_task("", total=None)
        out = run.render_path(
            args.path,
            args.out,
            frames=args.frames,
            what=args.what,
            size=args.size,
            watch=lambda total: bar.update(task, advance=1, total=total),
        )
    _output(args.json, {"out": str(out)}, lambda console: console.print(str(out), highlight=False))
    return 0


def info(args: Info, err: Console) -> int:
    from nfield import display
    from nfield.describe import describe

    values = describe(args.path)
    _output(args.json, values, lambda console: display.pairs(console, args.path, values))
    return 0


def doctor(args: Doctor, err: Console) -> int:
    from nfield import display
    from nfield.doctor import examine

    report = examine()
    flat = {k: v for k, v in report.items() if not isinstance(v, dict)}
    for name in ("native", "versions", "extras"):
        flat |= {f"{name}: {k}": v for k, v in report[name].items()}
    _output(args.json, report, lambda console: display.pairs(console, "nfield doctor", flat))
    return 0


Verb = (
    Annotated[Fit, subcommand("fit")]
    | Annotated[Eval, subcommand("eval")]
    | Annotated[Render, subcommand("render")]
    | Annotated[Info, subcommand("info")]
    | Annotated[Doctor, subcommand("doctor")]
)
VERBS: dict[type, Callable[[Any, Console], int]] = {
    Fit: fit,
    Eval: evaluate,
    Render: render,
    Info: info,
    Doctor: doctor,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program: 0 when all went well, 2 for wrong input, 130 after Ctrl-C."""
    args = tyro.cli(
        Verb,
        prog="nfield",
        description="Neural fields of scenes, images, shapes and videos, fast on an ordinary CPU.",
        args=_spread(sys.argv[1:] if argv is None else argv),
        config=(OmitSubcommandPrefixes, tyro.conf.FlagCreatePairsOff),
    )
    err = Console(stderr=True, soft_wrap=True)
    try:
        return VERBS[type(args)](args, err)
    except InputError as error:
        message = str(error)
    except OSError as error:
        message = f"{error.filename or 'system'}: {error.strerror or error}"
    except KeyboardInterrupt:
        err.print("Stopped; nothing was lost.")
        return 130
    print("nfield: " + " ".join(message.split()), file=sys.stderr)
    return 2


def _spread(argv: Sequence[str]) -> list[str]:
    """`--set a=1 b=2 DATA` as `--set a=1 --set b=2 DATA`, so that options have no order."""
    spread: list[str] = []
    inside = False
    for token in argv:
        assignment = inside and re.match(r"[a-z_]+(\.[a-z_0-9]+)?=", token)
        if assignment and spread[-1] != "--set":
            spread.append("--set")
        inside = token == "--set" or bool(assignment)
        spread.append(token)
    return spread


def _output(as_json: bool, values: Any, show: Callable[[Console], None]) -> None:
    """Machine output alone on stdout, or what people read."""
    if as_json:
        print(json.dumps(values, indent=1))
    else:
        show(Console(soft_wrap=True))
