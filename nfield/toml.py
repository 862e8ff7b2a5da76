"""TOML files: the standard reader, and a writer for flat sections."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nfield.errors import InputError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; anything else is an InputError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: file must exist; check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: file must be TOML, got {error}; correct it") from None


def dump_toml(values: Mapping[str, Any]) -> str:
    """Write top-level values, then one `[section]` for each dictionary."""
    plain = {k: v for k, v in values.items() if not isinstance(v, Mapping)}
    lines = [f"{key} = {_literal(value)}" for key, value in plain.items()]
    for name, section in values.items():
        if isinstance(section, Mapping):
            lines += ["", f"[{name}]", *(f"{k} = {_literal(v)}" for k, v in section.items())]
    return "\n".join(lines) + "\n"


def _literal(value: Any) -> str:
    if isinstance(value, str):
        # JSON's escapes are TOML's, except that TOML wants DEL escaped too.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
