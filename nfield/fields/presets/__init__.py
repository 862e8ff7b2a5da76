"""Presets: the fields a user can name. Torch-free, so that the command line can list them.

Two modules, of radiance and of values at points, hold settings and entries; other packages add
theirs through the entry-point group `nfield.fields`, each entry a `Preset` under the entry's name.
"""

from __future__ import annotations

from dataclasses import is_dataclass
from difflib import SequenceMatcher
from importlib.metadata import EntryPoint, entry_points

from nfield.errors import InputError
from nfield.fields.presets import radiance, values
from nfield.fields.presets.preset import Kind, Preset

__all__ = ["GROUP", "PRESETS", "Kind", "Preset", "preset", "presets"]

GROUP = "nfield.fields"
PRESETS: dict[str, Preset] = {**radiance.PRESETS, **values.PRESETS}  # nfield's own


def preset(name: str) -> Preset:
    """The preset of a name.

    Raises:
        InputError: no such name (all are listed, the nearest first), a name that two packages
            define, or one whose package is broken.
    """
    return _find(name, list(entry_points(group=GROUP)))


def presets(kind: Kind | None = None) -> dict[str, Preset]:
    """All presets of a kind (None: of any) by name, nfield's own first.

    Raises:
        InputError: as `preset`.
    """
    added = list(entry_points(group=GROUP))
    found = {name: _find(name, added) for name in _names(added)}
    return {name: entry for name, entry in found.items() if kind in (None, entry.kind)}


def _names(added: list[EntryPoint]) -> list[str]:
    return list(dict.fromkeys([*PRESETS, *sorted(entry.name for entry in added)]))


def _find(name: str, added: list[EntryPoint]) -> Preset:
    named = [entry for entry in added if entry.name == name]
    owners = ["nfield"] * (name in PRESETS) + sorted(map(_owner, named))
    if not owners:
        near = sorted(_names(added), key=lambda n: -SequenceMatcher(None, n, name).ratio())
        raise InputError(
            f"field: name must be one of {', '.join(near)}, got {name!r}; choose one of them"
        )
    if len(owners) > 1:
        raise InputError(
            f"field: {name!r} must be defined once, got it from {' and '.join(owners)}; "
            "uninstall one of them or rename its entry point"
        )
    return PRESETS[name] if name in PRESETS else _load(named[0])


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.value


def _load(entry: EntryPoint) -> Preset:
    where = f"field: entry point {entry.name!r} of {_owner(entry)} must"
    try:
        loaded = entry.load()
    except Exception as error:
        raise InputError(
            f"{where} be importable, got {type(error).__name__}: {error}; repair that package"
        ) from error
    if not isinstance(loaded, Preset) or not is_dataclass(loaded.settings):
        raise InputError(
            f"{where} be a Preset whose settings are a dataclass, got {loaded!r}; "
            "repair that package"
        )
    return loaded
