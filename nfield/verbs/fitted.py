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


def accepted(
    verb: Callable[..., Any], config: Config, options: Mapping[str, Any]
) -> dict[str, Any]:
    """The options that were given (are not None), all of which `verb` must take.

    Raises:
        InputError: one that has no meaning for the run's kind of data.
    """
    given = {name: value for name, value in options.items() if value is not None}
    known = inspect.signature(verb).parameters
    for name, value in given.items():
        if name not in known:
            raise InputError(
                f"--{name.replace('_', '-')}: {NAMES[preset(config.field).kind]} has no such "
                f"choice, got {value!r}; remove it"
            )
    return given
