"""The program `nfield`: each verb is a thin call into a Python function a script could make."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Annotated, Any

import tyro
from rich.console import Console
from tyro.conf import OmitSubcommandPrefixes, subcommand

from nfield import display
from nfield.arguments import (
    Bench,
    Convert,
    Doctor,
    Eval,
    Export,
    Fit,
    Info,
    Render,
    View,
)
from nfield.datasets import Dataset, prepare
from nfield.errors import InputError
from nfield.train.ranks import Ranks, started


def fit(args: Fit, err: Console) -> int:
    from nfield.train.folder import RunFolder

    names = ("field", "max_steps", "max_seconds", "downscale", "seed", "background", "device")
    options = {name: getattr(args, name) for name in names}
    settings = (*args.set, "train.deterministic=true") if args.deterministic else args.set
    # Wrong options are refused before torch is imported.
    plan = RunFolder.plan(args.data, options, settings, out=args.out, resume=args.resume)
    config, out = plan.config, str(plan.path)
    err.print(f"Fitting {config.field} to {config.data}; run folder {out}")
    from nfield import api
    from nfield.fresh import report
    from nfield.fresh.choice import Choice

    def tell(setting: str, choice: Choice) -> None:
        err.print(report.table(choice, setting))

    fitted_by: Callable[..., object] = api.fit
    if args.view:
        from nfield.viewer import verb

        fitted_by = verb.fit
    progress = display.FitProgress(err, config.max_steps, config.max_seconds)
    try:
        with progress:
            fitted_by(
                args.data,
                out=out,
                resume=args.resume,
                set=settings,
                fresh=args.fresh and tell,
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
    err.print(f"Next: {shlex.join(['nfield', 'eval', out])}")
    if not err.quiet:
        display.output(args.json, result, lambda console: console.print(out))
    return 0


def view(args: View, err: Console) -> int:
    from nfield.viewer import verb

    options = {field.name: getattr(args, field.name) for field in fields(args)}
    port = options.pop("port") or 0
    what = options.pop("what")
    verb.view(what, err.print, port=port, **options)
    return 0


def convert(args: Convert, err: Console) -> int:
    from nfield.conversion.beside import open_beside
    from nfield.conversion.plan import plan

    names = ("max_steps", "max_seconds", "finetune_seconds", "region", "seed", "device")
    options = {name: getattr(args, name) for name in names}
    # Wrong options are refused before torch is imported.
    teacher, student = plan(args.run, args.to, options, args.set, out=args.out, resume=args.resume)
    config, out = student.config, str(student.path)
    beside = None if args.beside is None else open_beside(args.beside, config)
    err.print(
        f"Converting {teacher.config.field} of {args.run} to {config.field}; run folder {out}"
    )
    from nfield.conversion.conversion import Conversion
    from nfield.conversion.report import rows

    progress = display.FitProgress(err, config.max_steps, config.max_seconds)
    try:
        with progress:
            conversion = Conversion(teacher, student, resume=args.resume, beside=beside)
            for note in conversion.lesson.notes:
                err.print(f"Note: {note}")
            conversion.train(progress)
    except KeyboardInterrupt:
        if progress.record is None:
            raise
        again = shlex.join(
            ["nfield", "convert", args.run, "--to", args.to, "--out", out, "--resume"]
        )
        err.print(f"Stopped and saved at step {progress.record['step']}. Resume with: {again}")
        return 130
    with display.counter(err, "judging") as bar:
        judging = bar.add_task("", total=None)
        result = conversion.compare(
            args.every, lambda done, total: bar.update(judging, completed=done, total=total)
        )
    values = {"run": out, **(progress.record or {}), **result}
    display.output(args.json, values, lambda console: display.columns(console, out, rows(result)))
    return 0


def evaluate(args: Eval, err: Console) -> int:
    from nfield import api

    run = api.open_run(args.run)
    with display.counter(err, "evaluating") as bar:
        task = bar.add_task("", total=None)
        result = run.evaluate(
            args.split,
            every=args.every,
            lpips_weights=args.lpips_weights,
            background=args.background,
            fit_poses=args.fit_poses,
            watch=lambda judged: bar.update(task, completed=judged.done, total=judged.total),
        )
    display.output(args.json, result, lambda console: display.metrics(console, result))
    if result.get("lpips_reason"):
        err.print(f"LPIPS: {result['lpips_reason']}")
    return 0


def render(args: Render, err: Console) -> int:
    from nfield import api

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
    display.output(args.json, {"out": str(out)}, lambda console: console.print(str(out)))
    return 0


def export(args: Export, err: Console) -> int:
    from nfield import api

    run = api.open_run(args.run)
    names = {field.name for field in fields(args)} - {"run", "what", "out", "json"}
    with display.counter(err, "exporting") as bar:
        task = bar.add_task("", total=None)
        result = run.export(
            args.out,
            what=args.what,
            watch=lambda done, total: bar.update(task, completed=done, total=total),
            **{name: getattr(args, name) for name in names},
        )
    flat = {**result, **result.get("mean", {})}
    flat.pop("mean", None)
    display.output(args.json, result, lambda console: display.pairs(console, args.run, flat))
    return 0


def info(args: Info, err: Console) -> int:
    from nfield.describe import describe

    values = describe(args.path, downscale=args.downscale, layout=args.layout)
    display.output(args.json, values, lambda console: display.pairs(console, args.path, values))
    return 0


def bench(args: Bench, err: Console) -> int:
    from nfield.bench import verb

    code, values, show = verb.bench(args, err)
    display.output(args.json, values, show)
    return code


def doctor(args: Doctor, err: Console) -> int:
    from nfield.doctor import examine

    report = examine()
    flat = {k: v for k, v in report.items() if not isinstance(v, dict)}
    for name in ("native", "versions", "extras"):
        flat |= {f"{name}: {k}": v for k, v in report[name].items()}
    display.output(args.json, report, lambda console: display.pairs(console, "nfield doctor", flat))
    return 0


Verb = (
    Annotated[Fit, subcommand("fit")]
    | Annotated[View, subcommand("view")]
    | Annotated[Convert, subcommand("convert")]
    | Annotated[Eval, subcommand("eval")]
    | Annotated[Render, subcommand("render")]
    | Annotated[Export, subcommand("export")]
    | Annotated[Info, subcommand("info")]
    | Annotated[Dataset, subcommand("data")]
    | Annotated[Bench, subcommand("bench")]
    | Annotated[Doctor, subcommand("doctor")]
)
VERBS: dict[type, Callable[[Any, Console], int]] = {
    Fit: fit,
    View: view,
    Convert: convert,
    Eval: evaluate,
    Render: render,
    Export: export,
    Info: info,
    Dataset: prepare,
    Bench: bench,
    Doctor: doctor,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program: 0 when all went well, 2 for wrong input, 130 after Ctrl-C.

    1 says that a benchmark is incomplete, or worse than the one it was compared with.
    """
    args = tyro.cli(
        Verb,
        prog="nfield",
        description="Neural fields of scenes, images, shapes and videos, fast on an ordinary CPU.",
        args=_spread(sys.argv[1:] if argv is None else argv),
        config=(OmitSubcommandPrefixes, tyro.conf.FlagCreatePairsOff),
    )
    ranks = started()
    err = display.console(stderr=True, quiet=not ranks.is_first)
    try:
        _require_alone(args, ranks)
        return VERBS[type(args)](args, err)
    except InputError as error:
        message = str(error)
    except OSError as error:
        message = f"{error.filename or 'system'}: {error.strerror or error}"
    except KeyboardInterrupt:
        err.print("Stopped; nothing was lost.")
        return 130
    who = "nfield" if ranks.is_first else f"nfield (rank {ranks.number})"
    print(f"{who}: " + " ".join(message.split()), file=sys.stderr)
    return 2


def _require_alone(args: Any, ranks: Ranks) -> None:
    """Refuse a verb that several processes cannot share."""
    if ranks.count > 1 and not isinstance(args, Fit):
        raise InputError(
            f"torchrun: only nfield fit runs in several processes, got {ranks.count} for another "
            "command; start it without torchrun"
        )


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
