"""A fitted field with what it was fitted to: what the verbs work on."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nfield.config import Config
from nfield.errors import InputError
from nfield.fields.presets import preset
from nfield.kinds import NAMES


@dataclass(frozen=True)
class Fitted:
    """Data and model of a run.

    Args:
        data: Scene, Picture, Clip or Mesh, after the kind of `config.field`.
        model: Its Model or ValueModel.
        renders: Folder for what is rendered, unless another place is named.
    """

    config: Config
    data: Any
    model: Any
    renders: Path


@dataclass(frozen=True)
class Job:
    """What an export is asked for.

    Args:
        run: What is written.
        out: File, or folder of maps.
        watch: Called with how much is done, and of how much.
    """

    run: Fitted
    out: Path
    watch: Callable[[int, int], None]


def accepted(
    verb: Callable[..., Any], config: Config, options: Mapping[str, Any]
) -> dict[str, Any]:
    """The options that were given (are not None), all of which `verb` must take.

    Raises:
        InputError: one that has no meaning for the run's kind of data.
    """
    return chosen(verb, NAMES[preset(config.field).kind], options)


def chosen(verb: Callable[..., Any], what: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given (are not None), all of which `verb` must take.

    Args:
        what: For what they were given, such as "a scene".

    Raises:
        InputError: one that `verb` does not take.
    """
    given = {name: value for name, value in options.items() if value is not None}
    known = inspect.signature(verb).parameters
    for name, value in given.items():
        if name not in known:
            raise InputError(
                f"--{name.replace('_', '-')}: {what} has no such choice, got {value!r}; remove it"
            )
    return given
