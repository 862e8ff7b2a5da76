"""The Python interface: fit a field, convert it, open a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nfield.conversion.beside import open_beside
from nfield.conversion.conversion import Conversion
from nfield.conversion.edits import Box, Edit, write_edits
from nfield.conversion.plan import plan
from nfield.data.load import load_configured
from nfield.frequency import choose_frequency, with_frequency
from nfield.fresh.choice import Choice
from nfield.fresh.report import write_plot
from nfield.run import Run
from nfield.train.folder import RunFolder
from nfield.train.loop import train
from nfield.train.ranks import ALONE, Ranks, joined
from nfield.train.trainer import Trainer
from nfield.verbs.scene import probe_of

if TYPE_CHECKING:
    from typing import TypedDict

    from typing_extensions import Unpack

    class Budget(TypedDict, total=False):
        """Top-level keys of the configuration; None means not given."""

        max_steps: int | None
        max_seconds: float | None
        seed: int | None
        device: str | None

    class Changes(Budget, total=False):
        """Those of a conversion."""

        edits: Iterable[Edit] | None
        region: Box | None
        finetune_seconds: float | None
        beside: str | Path | None

    class Options(Budget, total=False):
        """Those of a fit."""

        field: str | None
        downscale: int | None
        background: str | None


def fit(
    data: str | Path,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    set: Iterable[str] = (),
    fresh: bool | Callable[[str, Choice], None] = False,
    on_load: Callable[[Any], None] | None = None,
    on_step: Callable[[dict[str, Any]], None] | None = None,
    **options: Unpack[Options],
) -> Run:
    """Fit a field to a scene, an image, a shape or a video, and return the run.

    Ctrl-C saves before it is raised again; `resume=True` continues where it stopped, with
    `max_steps` to the bit. The processes of a `torchrun` fit together, see docs/architecture.md.

    Args:
        data: Folder or transforms.json of a scene, `builtin:matte`, an image, a mesh, a video, or
            a recipe (*.toml).
        out: Run folder; `runs/<data>-<field>` by default.
        resume: Continue the run in `out`. The budget is then a total.
        set: `key=value` overrides, such as `train.samples=4096`.
        fresh: Choose the preset's frequency by the spectrum of the data (FreSh) before a new run
            begins; RUN/fresh.svg shows the choice. A function is called with the name of the
            setting and the choice.
        on_load: Called once with the Scene, Picture, Mesh or Clip before the fit begins.
        on_step: Called after each step with its `step`, `seconds`, `loss` and more.
        **options: `field` (after the kind of data), `max_steps` or `max_seconds` (60 s of training
            by default), `downscale` (1), `seed` (0), `background` ("random", "white", "black"),
            `device` ("auto", "cpu", "cuda").

    Raises:
        InputError: anything wrong with what was given; nothing is then written.
    """
    with joined() as ranks:
        trainer, folder, loaded = begin(
            data,
            out=out,
            resume=resume,
            set=set,
            fresh=fresh,
            on_load=on_load,
            ranks=ranks,
            **options,
        )
        config = folder.config
        try:
            train(
                trainer,
                folder,
                max_steps=config.max_steps,
                max_seconds=config.max_seconds,
                on_step=on_step,
                probe=probe_of(loaded, config),
            )
        finally:
            folder.close()
    run = Run(folder)
    run.data, run.model = loaded, trainer.model
    return run


def begin(
    data: str | Path,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    set: Iterable[str] = (),
    fresh: bool | Callable[[str, Choice], None] = False,
    on_load: Callable[[Any], None] | None = None,
    ranks: Ranks = ALONE,
    **options: Unpack[Options],
) -> tuple[Trainer, RunFolder, Any]:
    """All of `fit` up to its first step: the trainer, the folder (to be closed), and the data."""
    folder = RunFolder.plan(str(data), options, set, out=out, resume=resume)
    loaded = load_configured(folder.config)
    if on_load is not None:
        on_load(loaded)
    state = folder.load() if resume else None
    chosen = None
    if fresh and not resume:
        name, choice = chosen = choose_frequency(folder.config, loaded)
        folder.config = with_frequency(folder.config, name, choice.pick)
        if callable(fresh):
            fresh(name, choice)
    trainer = (
        Trainer(loaded, folder.config, ranks=ranks)
        if state is None
        else Trainer.resume(loaded, folder.config, *state, ranks)
    )
    ranks.require_same("data, settings and checkpoint", trainer.outline())
    if ranks.is_first:
        folder.begin(trainer.step)
        if chosen is not None:
            write_plot(folder.path / "fresh.svg", chosen[1], chosen[0])
    return trainer, folder, loaded


def convert(
    run: str | Path | Run,
    *,
    to: str,
    out: str | Path | None = None,
    resume: bool = False,
    set: Iterable[str] = (),
    on_begin: Callable[[Sequence[str]], None] | None = None,
    on_step: Callable[[dict[str, Any]], None] | None = None,
    **options: Unpack[Changes],
) -> Run:
    """Teach a new field what a run has learned of a scene, and return the new run.

    The photos are not needed, only `finetune_seconds` takes them. The student beside its teacher
    is in RUN/report.html and RUN/convert.json, see `nfield.conversion.report`. Ctrl-C saves before
    it is raised again; `resume=True` continues where it stopped, with `max_steps` to the bit, as
    long as the teacher is what it was.

    Args:
        run: The teacher's run, or its folder.
        to: Preset of the new field.
        out: Run folder; `RUN-NAME` by default.
        resume: Continue the conversion in `out`. The budget is then a total.
        set: `key=value` overrides, such as `model.width=256` or `convert.hard_rays=true`.
        on_begin: Called once with what is to be said of the conversion before it begins.
        on_step: As of `fit`; `psnr` is that against the teacher's pixels.
        **options: `max_steps` or `max_seconds` of distillation (60 s by default), `seed` (0),
            `device` ("auto", "cpu", "cuda"); `edits`: what is removed, kept or moved on the way, in
            this order; `region`: the box that is all that is kept in the end; `finetune_seconds`
            of training with the photos after the distillation; `beside`: the run of a fit of the
            same field to the same data, whose PSNR over time the report shows beside the student's.

    Raises:
        InputError: anything wrong with what was given; nothing is then written.
    """
    given: dict[str, Any] = dict(options)
    if given.get("edits") is not None:
        given["edits"] = write_edits(given["edits"])
    if given.get("region") is not None:
        given["region"] = str(given["region"])
    place, scratch = run.folder.path if isinstance(run, Run) else run, given.pop("beside", None)
    teacher, student = plan(place, to, given, set, out=out, resume=resume)
    beside = None if scratch is None else open_beside(scratch, student.config)
    conversion = Conversion(teacher, student, resume=resume, beside=beside)
    if on_begin is not None:
        on_begin(conversion.lesson.notes)
    conversion.train(on_step)
    conversion.compare()
    converted = Run(conversion.folder)
    converted.model = conversion.trainer.model
    if conversion.lesson.scene is not None:
        converted.data = conversion.lesson.scene
    return converted


def open_run(path: str | Path) -> Run:
    """Open the run in a folder.

    Raises:
        InputError: not a run, a future schema, or a checkpoint that is cut short.
    """
    return Run(RunFolder.open(path))
