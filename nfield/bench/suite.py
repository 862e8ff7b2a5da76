"""A suite: scenes, methods, seeds, a budget, and what others have published. Torch-free."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nfield.errors import InputError
from nfield.toml import read_toml

METRICS = ("psnr", "ssim", "lpips", "iou", "chamfer", "normal_error")
MEAN = "mean"
_HERE = Path(__file__).parent
FOLDERS = (_HERE / "suites", _HERE.parent.parent / "scenes" / "suites")  # installed, in a clone
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_EVALUATE = ("split", "every", "background")
_TEXTS = ("title", "about", "download", "layout")


@dataclass(frozen=True)
class Published:
    """Figures of a method as its authors state them, and under which protocol.

    Args:
        resolution, background, views: Of their evaluation, where they are stated.
        notes: Further differences from this engine's protocol.
        figures: By metric and scene; under `MEAN` where no scenes are stated.
    """

    method: str
    source: str
    resolution: str | None
    background: str | None
    views: int | None
    notes: tuple[str, ...]
    figures: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Suite:
    """What a suite's file says.

    Args:
        download, layout: Where the data comes from, and the files expected; "" needs none.
        fit: Configuration of every fit, by dotted key.
        evaluate: `split`, `every`, `background` of every evaluation.
        methods, scenes: By name, their own configuration by dotted key: `field`, by default the
            method's name, and the scene's `data`, relative to the folder of datasets.
    """

    name: str
    title: str
    about: str
    download: str
    layout: str
    seeds: int
    fit: Mapping[str, Any]
    evaluate: Mapping[str, Any]
    methods: Mapping[str, Mapping[str, Any]]
    scenes: Mapping[str, Mapping[str, Any]]
    published: tuple[Published, ...]


def suites() -> dict[str, Path]:
    """The suites that come with nfield, by name."""
    found = {path.stem: path for folder in FOLDERS for path in sorted(folder.glob("*.toml"))}
    return dict(sorted(found.items()))


def read_suite(suite: str) -> Suite:
    """Read a suite by name, or a file of one (*.toml).

    Raises:
        InputError: no such suite, or anything wrong in its file.
    """
    if suite.endswith(".toml"):
        return _parse(Path(suite))
    known = suites()
    if suite not in known:
        near = difflib.get_close_matches(suite, known, 1)
        raise InputError(
            f"suite: name must be one of {', '.join(known)}, got {suite!r}; choose "
            f"{near[0] if near else 'one'}, or name a file (*.toml)"
        )
    return _parse(known[suite])


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Tables inside as dotted keys."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= {f"{key}.{inner}": content for inner, content in flat(value).items()}
        else:
            found[key] = value
    return found


def _parse(path: Path) -> Suite:
    values = read_toml(path)
    known = (*_TEXTS, "seeds", "fit", "evaluate", "methods", "scenes", "published")
    _refuse_unknown(path, "suite", values, known)
    evaluate = _table(path, values, "evaluate")
    _refuse_unknown(path, "evaluate", evaluate, _EVALUATE)
    scenes, methods = _named(path, values, "scenes"), _named(path, values, "methods")
    for name, scene in scenes.items():
        if not isinstance(scene.get("data"), str):
            raise InputError(f"{path}: scene {name} must name its data as text; add data")
    seeds = values.get("seeds", 1)
    if not isinstance(seeds, int) or isinstance(seeds, bool) or seeds < 1:
        raise InputError(f"{path}: seeds must be a whole number from 1, got {seeds!r}; correct it")
    texts = {key: str(values.get(key, "")).strip() for key in _TEXTS}
    entries = values.get("published", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{path}: published must be tables, got something else; see docs/bench.md")
    return Suite(
        name=path.stem,
        seeds=seeds,
        fit=flat(_table(path, values, "fit")),
        evaluate=evaluate,
        methods=methods,
        scenes=scenes,
        published=tuple(_published(path, entry, scenes) for entry in entries),
        **texts | {"title": texts["title"] or path.stem},
    )


def _notes(path: Path, entry: Mapping[str, Any]) -> tuple[str, ...]:
    found = entry.get("notes", [])
    if not isinstance(found, list) or not all(isinstance(note, str) for note in found):
        raise InputError(f"{path}: notes must be a list of texts, got {found!r}; write [...]")
    return tuple(found)


def _table(path: Path, values: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = values.get(key, {})
    if not isinstance(found, dict):
        raise InputError(f"{path}: {key} must be a table, got {found!r}; write [{key}]")
    return found


def _named(path: Path, values: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    """A table of tables, whose names become folders."""
    found = _table(path, values, key)
    if not found:
        raise InputError(f"{path}: {key} must name at least one, got none; add [{key}]")
    for name, entry in found.items():
        if not isinstance(entry, dict):
            raise InputError(f"{path}: {key}.{name} must be a table, got {entry!r}; write {{}}")
        if not _NAME.fullmatch(name) or name == MEAN:
            raise InputError(
                f"{path}: names of {key} must be letters, digits, '-', '_' and '.', and not "
                f"{MEAN!r}, got {name!r}; rename it"
            )
    return {name: flat(entry) for name, entry in found.items()}


def _published(path: Path, entry: Mapping[str, Any], scenes: Mapping[str, Any]) -> Published:
    texts = ("method", "source", "resolution", "background")
    _refuse_unknown(path, "published", entry, (*texts, "views", "notes", *METRICS))
    for key in ("method", "source"):
        if not isinstance(entry.get(key), str):
            raise InputError(f"{path}: published must have {key} as text, got none; add it")
    figures = {metric: _table(path, entry, metric) for metric in METRICS if metric in entry}
    for metric, values in figures.items():
        _refuse_unknown(path, f"published {metric}", values, (*scenes, MEAN))
        wrong = [v for v in values.values() if not isinstance(v, (int, float))]
        if wrong:
            raise InputError(f"{path}: published {metric} must be numbers, got {wrong[0]!r}")
    return Published(
        **{key: entry.get(key) for key in (*texts, "views")},  # type: ignore[arg-type]
        notes=_notes(path, entry),
        figures=figures,
    )


def _refuse_unknown(
    path: Path, where: str, values: Mapping[str, Any], known: tuple[str, ...]
) -> None:
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f" (nearest: {near[0]})" if near else ""
            raise InputError(
                f"{path}: keys of {where} must be known, got {key!r}{hint}; correct or remove it"
            )
