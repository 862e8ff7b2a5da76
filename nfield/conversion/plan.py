"""What a conversion is to do, before anything is loaded or written. Torch-free."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nfield.config import DEFAULT_SECONDS, Config, Convert, defaults, resolve
from nfield.conversion.edits import Keep, parse_box, parse_edits, write_edits
from nfield.errors import InputError
from nfield.fields.presets import preset, presets
from nfield.kinds import NAMES
from nfield.train.folder import RunFolder


def plan(
    run: str | Path,
    to: str,
    options: Mapping[str, Any],
    assignments: Iterable[str] = (),
    *,
    out: str | Path | None = None,
    resume: bool = False,
) -> tuple[RunFolder, RunFolder]:
    """The teacher's folder, and the student's with its configuration.

    Args:
        run: The teacher's folder.
        to: The student's preset.
        options: `max_steps`, `max_seconds`, `seed`, `device`, `finetune_seconds`, `region`
            (a box in world units, as text) and `edits` (as text); None means not given.
        assignments: `key=value` overrides.
        out: RUN-NAME by default.
        resume: Return to the conversion in `out`.

    Raises:
        InputError: anything wrong with what was given, with the teacher or with the folder.
    """
    teacher, assignments = RunFolder.open(run), tuple(assignments)
    _require_radiance(teacher, to)
    digest = checkpoint_digest(teacher)
    place = Path(out or f"{teacher.path}-{to}")
    options = {k: v for k, v in options.items() if v is not None}
    stored = RunFolder.open(place) if resume else None
    if stored is not None:
        _require_teacher(stored, teacher, digest, to)
    base = _defaults(teacher, to) if stored is None else stored.config
    assert base.convert is not None
    told = dataclasses.replace(
        base.convert, teacher=str(teacher.path.resolve()), digest=digest, **_edits(options)
    )
    base = dataclasses.replace(base, convert=told)
    config = resolve(base.data, _budget(options), assignments, base=base)
    if stored is not None:
        return teacher, stored.again(config)
    _require_change(teacher.config, config)
    _require_photos(teacher.config, config)
    parse_edits(config.convert.edits if config.convert else "")
    return teacher, RunFolder(place, _whole_schedule(config, assignments)).free()


def checkpoint_digest(run: RunFolder) -> str:
    """SHA-256 of a run's checkpoint.

    Raises:
        InputError: the run has none.
    """
    if not run.checkpoint.exists():
        raise run.unsaved()
    return hashlib.sha256(run.checkpoint.read_bytes()).hexdigest()


def _require_radiance(teacher: RunFolder, to: str) -> None:
    kinds = (preset(teacher.config.field).kind, preset(to).kind)
    if kinds[0] != "radiance":
        raise InputError(
            f"{teacher.path}: only runs of scenes can be converted, got one of {NAMES[kinds[0]]}; "
            "name a run of a scene"
        )
    if kinds[1] != "radiance":
        raise InputError(
            f"--to: field must be made for a scene, got {to!r}, which is made for "
            f"{NAMES[kinds[1]]}; choose one of {', '.join(presets('radiance'))}"
        )


def _require_teacher(stored: RunFolder, teacher: RunFolder, digest: str, to: str) -> None:
    settings = stored.config.convert
    if settings is None or stored.config.field != to:
        raise InputError(
            f"{stored.path}: a resumed run must be a conversion to {to}, got one of "
            f"{'a fit' if settings is None else stored.config.field}; choose another --out"
        )
    if settings.digest != digest:
        raise InputError(
            f"{teacher.path}: the teacher must be as when the conversion began, got another "
            "checkpoint; restore it, or convert it anew to another --out"
        )


def _require_change(teacher: Config, config: Config) -> None:
    if teacher.field == config.field and teacher.model == config.model:
        if config.convert is not None and config.convert.edits:
            return
        raise InputError(
            f"--to: a conversion must change something, got {config.field!r} as it is; choose "
            "another field, or other settings with --set model.KEY=VALUE"
        )


def _require_photos(teacher: Config, config: Config) -> None:
    for name in ("refine_poses", "appearance"):
        kept, given = (getattr(settings.photos, name) for settings in (teacher, config))
        if kept != given:
            raise InputError(
                f"--set: photos.{name} must be the teacher's, {kept}, got {given}; remove it"
            )


def _defaults(teacher: RunFolder, to: str) -> Config:
    """The preset's settings, or the teacher's own where it is the same; the teacher's place."""
    known, fresh = teacher.config, defaults(teacher.config.data, to)
    return dataclasses.replace(
        fresh,
        model=known.model if to == known.field else fresh.model,
        downscale=known.downscale,
        background=known.background,
        occupancy=known.occupancy,
        photos=known.photos,
        convert=Convert(**preset(to).convert),
    )


def _edits(options: Mapping[str, Any]) -> dict[str, Any]:
    """The edits in the order in which they are made: a region is what is kept in the end."""
    if not {"edits", "region"} & options.keys():
        return {}
    edits = parse_edits(options.get("edits", ""))
    if "region" in options:
        edits = (*edits, Keep(parse_box(options["region"])))
    return {"edits": write_edits(edits)}


def _budget(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of the configuration; fine-tuning is a share of the whole budget."""
    names = ("max_steps", "max_seconds", "seed", "device")
    given = {name: options[name] for name in names if name in options}
    finetune = options.get("finetune_seconds")
    if finetune is None:
        return given
    if not finetune > 0 or given.get("max_steps") is not None:
        raise InputError(
            f"--finetune-seconds: seconds must be > 0 beside a budget in seconds, got {finetune}"
            f"{' beside --max-steps' if 'max_steps' in given else ''}; correct it, or give "
            "--set convert.finetune=SHARE"
        )
    total = given.get("max_seconds", DEFAULT_SECONDS) + finetune
    return {**given, "max_seconds": total, "convert.finetune": finetune / total}


def _whole_schedule(config: Config, assignments: Iterable[str]) -> Config:
    """A budget in steps is the length of the schedule, unless that is given."""
    given = any(text.partition("=")[0].strip() == "train.decay_steps" for text in assignments)
    if config.max_steps is None or given:
        return config
    return dataclasses.replace(
        config, train=dataclasses.replace(config.train, decay_steps=config.max_steps)
    )
