"""From a suite and what the user chose of it to jobs. Torch-free."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nfield.bench.job import Job
from nfield.bench.suite import Suite
from nfield.config import BUDGET, resolve
from nfield.errors import InputError
from nfield.fields.presets import preset
from nfield.kinds import kind_of


@dataclass(frozen=True)
class Choice:
    """What of a suite is run; None is what the suite says.

    Args:
        methods: Names of the suite's methods or of fields.
        scenes: Names of the suite's scenes.
        seeds: How many: 0, 1, ...
        every: Judge views 0, every, 2 every, ...
        set: `key=value` overrides of every fit.
        data: Folder of datasets; $NFIELD_DATA or `data` by default.
    """

    methods: tuple[str, ...] | None = None
    scenes: tuple[str, ...] | None = None
    seeds: int | None = None
    max_steps: int | None = None
    max_seconds: float | None = None
    every: int | None = None
    lpips_weights: str | None = None
    set: tuple[str, ...] = ()
    data: str | None = None


@dataclass(frozen=True)
class Problem:
    """What could not be done, in one sentence; `seed` None stands for all, `method` "" too."""

    scene: str
    method: str
    seed: int | None
    text: str


@dataclass(frozen=True)
class Plan:
    """Jobs that can be begun, and what is wrong with the others."""

    suite: Suite
    jobs: tuple[Job, ...]
    problems: tuple[Problem, ...]


def make_plan(suite: Suite, choice: Choice) -> Plan:
    """All jobs of a suite: scenes x methods x seeds.

    What is wrong with one scene or one method of the suite becomes a problem of the plan.

    Raises:
        InputError: a choice that the suite does not have.
    """
    scenes = _chosen("--scenes", suite.scenes, choice.scenes)
    methods = _methods(suite, choice.methods)
    seeds = suite.seeds if choice.seeds is None else choice.seeds
    if seeds < 1:
        raise InputError(f"--seeds: number must be at least 1, got {seeds}; correct it")
    problems: list[Problem] = []
    jobs: list[Job] = []
    checked: set[object] = set()  # many scenes have the same settings
    for scene in scenes:
        try:
            data = _located(suite, scene, choice)
            kind = kind_of(data)
        except InputError as error:
            problems.append(Problem(scene, "", None, str(error)))
            continue
        for method, own in methods.items():
            try:
                settings = _settings(suite, scene, method, own, choice)
                key = kind, json.dumps(settings, sort_keys=True, default=str)
                if key not in checked:
                    _check(data, settings)
                    checked.add(key)
            except InputError as error:
                problems.append(Problem(scene, method, None, str(error)))
                continue
            judged = _evaluate(suite, choice, kind)
            jobs += [Job(scene, method, seed, data, settings, judged) for seed in range(seeds)]
    return Plan(suite, tuple(jobs), tuple(problems))


def data_folder(choice: Choice) -> Path:
    """Where datasets are looked for."""
    return Path(choice.data or os.environ.get("NFIELD_DATA", "data"))


def _methods(suite: Suite, names: tuple[str, ...] | None) -> dict[str, Mapping[str, Any]]:
    if names is None:
        return dict(suite.methods)
    found = {name: suite.methods.get(name, {}) for name in names}
    for name in names:
        if name not in suite.methods:
            try:
                preset(name)
            except InputError as error:
                known = ", ".join(suite.methods)
                raise InputError(
                    f"--methods: {name!r} is none of the suite's {known}; {error}"
                ) from None
    return found


def _chosen(option: str, known: Iterable[str], names: tuple[str, ...] | None) -> list[str]:
    known = list(known)
    for name in names or ():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise InputError(
                f"{option}: names must be of {', '.join(known)}, got {name!r}; "
                f"choose {near[0] if near else 'of them'}"
            )
    return known if names is None else list(dict.fromkeys(names))


def _located(suite: Suite, scene: str, choice: Choice) -> str:
    data = str(suite.scenes[scene]["data"])
    if data.startswith("builtin:"):
        return data
    path = data_folder(choice) / data
    if not path.exists():
        source = f" ({suite.download})" if suite.download else ""
        raise InputError(
            f"{path}: data of {scene} must be there, got nothing{source}; lay it out as stated, "
            "or name the folder of datasets with --data"
        )
    return str(path.resolve())


def _settings(
    suite: Suite, scene: str, method: str, own: Mapping[str, Any], choice: Choice
) -> dict[str, Any]:
    """Configuration of a fit: the suite's, the scene's, the method's, the user's."""
    settings: dict[str, Any] = {"field": method}
    given = {"max_steps": choice.max_steps, "max_seconds": choice.max_seconds}
    scene_own = {key: value for key, value in suite.scenes[scene].items() if key != "data"}
    user = {key: value for key, value in given.items() if value is not None} | _split(choice.set)
    for layer in (suite.fit, scene_own, own, user):
        if any(key in layer for key in BUDGET):
            settings = {key: value for key, value in settings.items() if key not in BUDGET}
        settings |= layer
    return settings


def _split(assignments: Iterable[str]) -> dict[str, str]:
    found = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise InputError(
                f"--set: override must be key=value, got {assignment!r}; add the value"
            )
        found[key.strip()] = value.strip()
    return found


def _check(data: str, settings: Mapping[str, Any]) -> None:
    """Refuse settings that no fit would take."""
    for key in ("data", "seed"):
        if key in settings:
            raise InputError(f"{key}: the sweep chooses it, got it as a setting; remove it")
    resolve(data, settings)


def _evaluate(suite: Suite, choice: Choice, kind: str) -> dict[str, Any]:
    options = dict(suite.evaluate)
    if choice.every is not None and kind in ("radiance", "video"):
        options["every"] = choice.every
    if choice.lpips_weights is not None and kind != "distance":
        options["lpips_weights"] = str(Path(choice.lpips_weights).resolve())
    return options
