"""Configuration: frozen dataclasses, `--set` overrides and recipes. Torch-free."""

from __future__ import annotations

import dataclasses
import difflib
import os
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal

from nfield.errors import InputError
from nfield.fields.presets import preset
from nfield.kinds import DEFAULTS, kind_of, require_kind
from nfield.settings import Convert, Photos
from nfield.toml import read_toml
from nfield.typed import check

SCHEMA = 1
DEFAULT_SECONDS = 60.0
BUDGET = ("max_steps", "max_seconds")
SECTIONS = ("model", "train", "occupancy", "photos", "convert")
# What a resumed run may be given anew; everything else decides what is being fitted.
RESUMABLE = (
    *(*BUDGET, "device", "backend", "data", "train.checkpoint_seconds", "train.graphs"),
    "convert.teacher",
)


@dataclass(frozen=True)
class Train:
    """How a field is fitted.

    `samples` is a step's budget of visible samples, to which the rays adapt; where points of an
    image, a shape or a video are fitted it is their number. `loss` is the mean over values y with
    truth t of (y - t)^2 (l2), |y - t| (l1), or (y - t)^2 / (|t| + 0.1) (relative).
    `distortion` weighs the spread of light along rays in unbounded scenes (arXiv:2111.12077).
    `deterministic` makes fits on the GPU repeat to the bit, as those on the CPU always do; `graphs`
    has the field's launches there recorded and replayed.
    """

    samples: int = dataclasses.field(default=2**14, metadata={"least": 1024})
    rays: int = 1024
    loss: Literal["l2", "l1", "relative"] = "l2"
    learning_rate: float = 1.5e-2
    final_learning_rate: float = 3e-4
    decay_steps: int = 20_000
    distortion: float = dataclasses.field(default=0.03, metadata={"least": 0})
    checkpoint_seconds: float = 30.0
    deterministic: bool = False
    graphs: bool = False


@dataclass(frozen=True)
class Occupancy:
    """The occupancy grid: `resolution` cells an axis, `levels` nested cubes in unbounded scenes."""

    resolution: int = dataclasses.field(default=64, metadata={"most": 512, "multiple": 16})
    levels: int = dataclasses.field(default=6, metadata={"most": 16})
    interval: int = 16
    warmup: int = dataclasses.field(default=256, metadata={"least": 0})
    decay: float = dataclasses.field(default=0.95, metadata={"most": 1})
    threshold: float = 0.01
    steps: int = 512


@dataclass(frozen=True)
class Config:
    """Everything that decides a run. Numbers must be > 0 unless their metadata says otherwise.

    Args:
        data: Absolute path of the scene, image, shape or video, or `builtin:NAME`.
        field: Name of the preset in `nfield.fields.presets`; `model` holds its settings.
        distance: Of shapes: negative inside, which takes a watertight mesh, or without a sign.
        backend: What computes hash grids and perceptrons while the field is fitted on a GPU.
        occupancy: Of scenes; None for all else.
        photos: Of scenes; None for all else.
        convert: Of fields that another field teaches; None for all else.
        max_steps: Budget in steps; None when the budget is in seconds.
        max_seconds: Budget in seconds of training time; None when it is in steps.
    """

    data: str
    schema: int = dataclasses.field(default=SCHEMA, metadata={"most": SCHEMA})
    field: str = "ngp"
    seed: int = dataclasses.field(default=0, metadata={"least": 0, "most": 2**63 - 1})
    downscale: int = 1
    background: Literal["random", "white", "black"] = "random"
    distance: Literal["signed", "unsigned"] = "signed"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    backend: Literal["native", "tcnn"] = "native"
    max_steps: int | None = None
    max_seconds: float | None = None
    model: Any = None
    train: Train = Train()
    occupancy: Occupancy | None = None
    photos: Photos | None = None
    convert: Convert | None = None


def defaults(data: str, field: str = "ngp") -> Config:
    """The configuration of a preset before anything is overridden.

    Raises:
        InputError: no such preset, or one that does not fit together.
    """
    chosen = preset(field)
    config = Config(data=data, field=field, model=chosen.settings)
    if chosen.kind == "radiance":
        config = dataclasses.replace(config, occupancy=Occupancy(), photos=Photos())
    return replace(
        config, {f"train.{key}": value for key, value in chosen.train.items()}, f"field {field}"
    )


def resolve(
    data: str,
    options: Mapping[str, Any] | None = None,
    assignments: Iterable[str] = (),
    *,
    base: Config | None = None,
) -> Config:
    """Join, weakest first: `base` or the preset, the recipe if `data` is one, `options`, `--set`.

    Args:
        data: Folder, file, `builtin:NAME`, or a recipe (*.toml); its kind decides the preset
            unless that is given.
        options: Values by dotted key; None means not given.
        assignments: `key=value` texts, typed by the key's annotation.
        base: Configuration of the run being resumed.

    Raises:
        InputError: unknown keys (all of them, with the nearest names) or values.
    """
    layers: list[tuple[str, dict[str, Any]]] = []
    if data.endswith(".toml"):
        recipe = _flatten(read_toml(Path(data)))
        if "data" not in recipe:
            raise InputError(f'{data}: a recipe must name its scene; add data = "FOLDER"')
        recipe["data"] = locate(str(recipe["data"]), Path(data).parent)
        layers.append((data, recipe))
    else:
        layers.append(("DATA", {"data": locate(data, Path())}))
    layers.append(("options", {k: v for k, v in (options or {}).items() if v is not None}))
    layers.append(("--set", dict(map(_split, assignments))))
    config = base
    if config is None:
        names = [str(values.pop("field")) for _, values in layers if "field" in values]
        source = [str(values["data"]) for _, values in layers if "data" in values][-1]
        config = defaults(data, names[-1] if names else DEFAULTS[kind_of(source)])
        require_kind(config.field, source)
    for where, values in layers:
        config = replace(config, values, where)
    if config.max_steps is None and config.max_seconds is None:
        config = replace(config, {"max_seconds": DEFAULT_SECONDS}, "options")
    return config


def locate(data: str, folder: Path) -> str:
    """The absolute path of `data` as written in `folder`; built-in scenes keep their name."""
    if data.startswith("builtin:"):
        return data
    try:
        return os.fsencode((folder / data).resolve()).decode()
    except ValueError:
        raise InputError(f"DATA: path must be valid UTF-8, got {data!r}; rename it") from None


def override(config: Config, assignments: Iterable[str]) -> Config:
    """Apply `key=value` texts, e.g. `train.samples=4096`, typed by the key's annotation."""
    return replace(config, dict(map(_split, assignments)), "--set")


def replace(config: Config, values: Mapping[str, Any], where: str) -> Config:
    """Set dotted keys. A budget replaces the other one, unless both are given together."""
    known = dict(_leaves(config))
    unknown = [key for key in values if key not in known]
    if unknown:
        names = ", ".join(f"{key!r}{_nearest(key, known)}" for key in unknown)
        raise InputError(f"{where}: keys must be known, got {names}; correct or remove them")
    checked = {key: check(where, key, known[key], value) for key, value in values.items()}
    given = [key for key in BUDGET if checked.get(key) is not None]
    if len(given) == 2:
        raise InputError(f"{where}: budget must be max_steps or max_seconds, got both; remove one")
    if given:
        checked = {**dict.fromkeys(BUDGET), **checked}
    if checked.get("field", config.field) != config.field:
        raise InputError(
            f"{where}: field must stay {config.field!r}, got {checked['field']!r}; start a new run"
        )
    return _rebuild(config, checked)


def identity(config: Config) -> dict[str, Any]:
    """All values by dotted key whose change makes another fit: what a resumed run must keep."""
    return {k: v for k, v in _flatten(to_dict(config)).items() if k not in RESUMABLE}


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Every key on which two identities disagree, as `key 'new' (was 'old')`."""
    return ", ".join(
        f"{key} {new.get(key)!r} (was {old.get(key)!r})"
        for key in {**old, **new}
        if old.get(key) != new.get(key)
    )


def changed_since(stored: Mapping[str, Any], config: Config) -> str:
    """`differences` from a stored identity; settings that came later must be as by default."""
    base = defaults(config.data, config.field)
    if config.convert is not None:
        base = dataclasses.replace(base, convert=Convert())
    later, now = identity(base), identity(config)
    return differences({k: v for k, v in later.items() if k in now} | dict(stored), now)


def to_dict(config: Any) -> dict[str, Any]:
    """Nested dictionaries of plain values; None is left out, as TOML has no such value."""
    pairs = ((f.name, getattr(config, f.name)) for f in fields(config))
    return {k: to_dict(v) if is_dataclass(v) else v for k, v in pairs if v is not None}


def from_dict(values: Mapping[str, Any], where: str = "config") -> Config:
    """The inverse of `to_dict`; absent keys take their defaults.

    Raises:
        InputError: a future schema, unknown keys or values.
    """
    flat = _flatten(values)
    schema = flat.get("schema", SCHEMA)
    if not isinstance(schema, int) or schema > SCHEMA:
        raise InputError(f"{where}: schema must be <= {SCHEMA}, got {schema!r}; update nfield")
    if "data" not in flat:
        raise InputError(f'{where}: data must be given, got nothing; add data = "FOLDER"')
    base = defaults("", str(flat.get("field", "ngp")))
    if any(key.startswith("convert.") for key in flat):
        base = dataclasses.replace(base, convert=Convert())
    return replace(base, flat, where)


def _flatten(values: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat.update({f"{key}.{k}": v for k, v in value.items()})
        else:
            flat[key] = value
    return flat


def _split(assignment: str) -> tuple[str, str]:
    key, equals, value = assignment.partition("=")
    if not equals:
        raise InputError(f"--set: override must be key=value, got {assignment!r}; add the value")
    return key.strip(), value.strip()


def _leaves(section: Any, prefix: str = "") -> Iterator[tuple[str, tuple[Any, Mapping[str, Any]]]]:
    """Every dotted key with its annotation and metadata."""
    hints = typing.get_type_hints(type(section))
    for f in fields(section):
        value = getattr(section, f.name)
        if is_dataclass(value):
            yield from _leaves(value, f"{prefix}{f.name}.")
        elif f.name not in SECTIONS:
            yield prefix + f.name, (hints[f.name], f.metadata)


def _rebuild(section: Any, values: Mapping[str, Any], prefix: str = "") -> Any:
    changed = {}
    for f in fields(section):
        value, key = getattr(section, f.name), prefix + f.name
        if is_dataclass(value):
            changed[f.name] = _rebuild(value, values, key + ".")
        else:
            changed[f.name] = values.get(key, value)
    return type(section)(**changed)


def _nearest(key: str, known: Iterable[str]) -> str:
    names = list(known)
    last = {name.rpartition(".")[2]: name for name in names}
    near = difflib.get_close_matches(key, names, 2) or [
        last[m] for m in difflib.get_close_matches(key.rpartition(".")[2], last, 2, cutoff=0.4)
    ]
    return f" (nearest: {' or '.join(near)})" if near else ""
