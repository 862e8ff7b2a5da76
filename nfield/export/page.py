"""One HTML file of a page's parts: style, shaders, modules and data, all within."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

# Modules in the order of their imports, which are left out when they become one.
MODULES = ("payload", "atlas", "picture", "camera", "controls", "main")
_IMPORT = re.compile(r"^import .*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def source(name: str) -> str:
    """A file of the page, such as page.html."""
    place = files("nfield") / "viewer" / "web" / name
    return place.read_text(encoding="utf-8")


def script() -> str:
    """The modules as one."""
    parts = [source(f"{name}.js") for name in MODULES]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", part)).strip() + "\n" for part in parts)


def page(description: Mapping[str, Any], voxels: str) -> str:
    """The page of a field.

    Args:
        description: For the script, as JSON.
        voxels: Its bytes in base64.
    """
    # In a script element "<" may begin its end; JSON can do without it.
    text = json.dumps(description, separators=(",", ":")).replace("<", "\\u003c")
    parts = {
        "style": source("page.css"),
        "vertex": source("march.vert.glsl"),
        "fragment": source("march.frag.glsl"),
        "script": script(),
        "description": text,
        "voxels": voxels,
    }
    return _PLACE.sub(lambda found: parts[found[1]], source("page.html"))
