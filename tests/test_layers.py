"""The architecture: imports point one way, files and functions stay small, names are known."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
# Lower layers first; packages of one layer do not import each other.
LAYERS = (
    ("errors", "toml", "typed", "kinds", "settings", "fields.presets"),
    ("config", "files", "extras", "chart"),
    ("ops",),
    ("encodings", "networks", "render"),
    ("fields",),
    ("fresh",),
    ("data",),
    ("train",),
    ("evaluate", "export"),
    ("verbs",),
    ("run", "frequency", "conversion"),
    ("api",),
    ("bench", "nerfbaselines", "viewer"),
    (
        *("display", "describe", "doctor", "arguments", "datasets", "cli", "demo", "bench.verb"),
        "__main__",
    ),
)
TORCH_FREE = (
    *("errors", "toml", "typed", "kinds", "settings", "extras", "config", "files"),
    *("fields.presets", "nerfbaselines.spec", "cli", "train.folder", "train.ranks"),
    *("conversion.plan", "conversion.edits", "conversion.beside"),
    *("bench.suite", "bench.plan", "bench.job", "bench.local", "bench.cluster", "bench.verb"),
)
MAX_LINES, MAX_FUNCTION_LINES = 300, 50


def modules() -> list[Path]:
    return sorted((REPOSITORY / "nfield").rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(REPOSITORY / "nfield").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def layer(module: str) -> int:
    """Index of the module's layer; the longest matching entry decides."""
    entries = {entry: i for i, names in enumerate(LAYERS) for entry in names}
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in entries:
            return entries[".".join(parts[:length])]
    raise KeyError(f"{module} belongs to no layer: add it to LAYERS")


def imported(tree: ast.AST) -> Iterator[str]:
    """Modules of nfield that are imported anywhere in the file, lazily or not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.removeprefix("nfield.") for name in names if name.startswith("nfield."))


def violations(module: str, source: str) -> list[str]:
    own, top = layer(module), module.split(".")[0]
    found = []
    for name in imported(ast.parse(source)):
        same_package = name.split(".")[0] == top
        within = same_package or own == len(LAYERS) - 1
        if layer(name) > own or (layer(name) == own and not within and own > 0):
            found.append(f"{module} imports {name}")
    return found


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    if name_of(path):  # the package itself names everything, lazily
        assert violations(name_of(path), path.read_text()) == []


def test_wrong_imports_are_found() -> None:
    assert violations("ops.rays", "from nfield.render import cameras")
    assert violations("config", "def f():\n    import nfield.train.loop")
    assert violations("encodings.hash_grid", "from nfield.networks.mlp import MLP")
    assert not violations("fields.radiance", "from nfield.networks.mlp import MLP")


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_LINES
    long = [
        f"{node.name}: {length} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and (length := _body_lines(node)) > MAX_FUNCTION_LINES
    ]
    assert long == []


def _body_lines(node: ast.FunctionDef) -> int:
    """Lines from the first statement after the docstring to the end."""
    first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
    return (node.end_lineno or 0) - first.lineno + 1


@pytest.mark.parametrize(
    "path", [path for path in modules() if name_of(path).startswith(TORCH_FREE)], ids=name_of
)
def test_light_modules_do_not_import_torch_at_the_top(path: Path) -> None:
    heavy = {"torch", "numpy", "safetensors.torch"}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            assert not heavy & {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module not in heavy
