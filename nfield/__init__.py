"""nfield: an engine for neural fields of scenes, images, shapes and videos.

The public names are resolved on first use, so that `nfield --help` need not import torch.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

# A thread that waits for work spins before it sleeps. libgomp's default spins for milliseconds,
# which starves the working threads wherever another program needs a core; this is about ten
# microseconds.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")

if TYPE_CHECKING:
    from nfield.api import convert as convert
    from nfield.api import fit as fit
    from nfield.api import open_run as open_run
    from nfield.conversion.edits import Box as Box
    from nfield.conversion.edits import Keep as Keep
    from nfield.conversion.edits import Move as Move
    from nfield.conversion.edits import Remove as Remove
    from nfield.data.load import load as load
    from nfield.data.load import load_scene as load_scene
    from nfield.errors import InputError as InputError
    from nfield.run import Run as Run

    __version__: str

_HOMES = {
    "Box": "nfield.conversion.edits",
    "InputError": "nfield.errors",
    "Keep": "nfield.conversion.edits",
    "Move": "nfield.conversion.edits",
    "Remove": "nfield.conversion.edits",
    "Run": "nfield.run",
    "convert": "nfield.api",
    "fit": "nfield.api",
    "load": "nfield.data.load",
    "load_scene": "nfield.data.load",
    "open_run": "nfield.api",
}
__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("nfield-engine")
    if name not in _HOMES:
        raise AttributeError(f"module 'nfield' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
