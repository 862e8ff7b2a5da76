"""The Python interface: fit a field, open a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nfield.data.load import load_configured
from nfield.run import Run
from nfield.train.folder import RunFolder
from nfield.train.loop import train
from nfield.train.trainer import Trainer

if TYPE_CHECKING:
    from typing import TypedDict

    from typing_extensions import Unpack

    class Options(TypedDict, total=False):
        """Top-level keys of the configuration; None means not given."""

        field: str | None
        max_steps: int | None
        max_seconds: float | None
        downscale: int | None
        seed: int | None
        background: str | None
        device: str | None


def fit(
    data: str | Path,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    set: Iterable[str] = (),
    on_load: Callable[[Any], None] | None = None,
    on_step: Callable[[dict[str, Any]], None] | None = None,
    **options: Unpack[Options],
) -> Run:
    """Fit a field to a scene, an image, a shape or a video, and return the run.

    Ctrl-C saves before it is raised again; `resume=True` continues where it stopped, with
    `max_steps` to the bit.

    Args:
        data: Folder or transforms.json of a scene, `builtin:matte`, an image, a mesh, a video, or
            a recipe (*.toml).
        out: Run folder; `runs/<data>-<field>` by default.
        resume: Continue the run in `out`. The budget is then a total.
        set: `key=value` overrides, such as `train.samples=4096`.
        on_load: Called once with the Scene, Picture, Mesh or Clip before the fit begins.
        on_step: Called after each step with its `step`, `seconds`, `loss` and more.
        **options: `field` (after the kind of data), `max_steps` or `max_seconds` (60 s of training
            by default), `downscale` (1), `seed` (0), `background` ("random", "white", "black"),
            `device` ("auto", "cpu", "cuda").

    Raises:
        InputError: anything wrong with what was given; nothing is then written.
    """
    folder = RunFolder.plan(str(data), options, set, out=out, resume=resume)
    config = folder.config
    loaded = load_configured(config)
    if on_load is not None:
        on_load(loaded)
    state = folder.load() if resume else None
    trainer = Trainer(loaded, config) if state is None else Trainer.resume(loaded, config, *state)
    folder.begin(trainer.step)
    try:
        train(
            trainer,
            folder,
            max_steps=config.max_steps,
            max_seconds=config.max_seconds,
            on_step=on_step,
        )
    finally:
        folder.close()
    run = Run(folder)
    run.data, run.model = loaded, trainer.model
    return run


def open_run(path: str | Path) -> Run:
    """Open the run in a folder.

    Raises:
        InputError: not a run, a future schema, or a checkpoint that is cut short.
    """
    return Run(RunFolder.open(path))
