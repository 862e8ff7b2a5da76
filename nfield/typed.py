"""Values as the annotation of their key wants them, or a sentence that states the rule."""

from __future__ import annotations

import math
import reprlib
import sys
import typing
from collections.abc import Mapping
from types import UnionType
from typing import Any

from nfield.errors import InputError


def check(where: str, key: str, rule: tuple[Any, Mapping[str, Any]], value: Any) -> Any:
    """`value` as the annotation's type, or an InputError that states the rule."""
    annotation, metadata = rule
    kinds = [annotation]
    if typing.get_origin(annotation) in (UnionType, typing.Union):
        kinds = list(typing.get_args(annotation))
    if type(None) in kinds and (value is None or value == "none"):
        return None
    kind = next(k for k in kinds if k is not type(None))
    if kind in (int, float):
        return _number(where, key, kind, metadata, value)
    choices = {bool: (True, False)}.get(kind, typing.get_args(kind))
    if kind is bool and isinstance(value, str):
        value = {"true": True, "false": False}.get(value.lower(), value)
    if (value not in choices) if choices else not isinstance(value, kind):
        expected = f"one of {', '.join(map(str, choices))}" if choices else "text"
        raise InputError(
            f"{where}: {key} must be {expected}, got {reprlib.repr(value)}; correct it"
        )
    return value


def _number(
    where: str, key: str, kind: type[int] | type[float], metadata: Mapping[str, Any], value: Any
) -> int | float:
    least, most = metadata.get("least"), metadata.get("most", 2**31 - 1 if kind is int else None)
    rule = "an integer" if kind is int else "a finite number"
    rule += " > 0" if least is None else f" >= {least}"
    rule += "" if most is None else f" and <= {most}"
    multiple = metadata.get("multiple")
    rule += "" if multiple is None else f", a multiple of {multiple}"
    try:
        exact = isinstance(value, (int, str) if kind is int else (int, float, str))
        number = kind(value) if exact and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    ceiling = sys.float_info.max if most is None else most
    fits = (number > 0 if least is None else number >= least) and number <= ceiling
    if not fits or (multiple is not None and number % multiple):
        raise InputError(f"{where}: {key} must be {rule}, got {reprlib.repr(value)}; correct it")
    return number
