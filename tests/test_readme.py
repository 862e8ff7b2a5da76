"""The README's code is true: Python compiles and uses public names, commands parse."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
import tyro

import nfield
from nfield import cli

REPOSITORY = Path(__file__).parent.parent
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def blocks(language: str) -> list[str]:
    pattern = rf"^```{language}\n(.*?)^```"
    return [
        block
        for page in PAGES
        for block in re.findall(pattern, page.read_text(), re.DOTALL | re.MULTILINE)
    ]


def commands() -> list[str]:
    lines = "\n".join(blocks("sh")).replace("\\\n", " ").splitlines()
    lines = [re.sub(r"^torchrun .* -m nfield ", "nfield ", line) for line in lines]
    return [line.split("#")[0].strip() for line in lines if line.startswith("nfield ")]


@pytest.mark.parametrize("command", commands())
def test_commands_are_understood(command: str) -> None:
    _, *argv = shlex.split(command)
    args = tyro.cli(
        cli.Verb,
        args=cli._spread(argv),
        config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.FlagCreatePairsOff),
    )
    assert type(args) in cli.VERBS


@pytest.mark.parametrize("block", blocks("python"))
def test_python_uses_names_that_exist(block: str) -> None:
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = {"nfield": nfield, "run": nfield.Run}.get(node.value.id)
            assert owner is None or node.attr == "scene" or hasattr(owner, node.attr)


def test_there_is_something_to_test() -> None:
    assert len(commands()) >= 5
    assert len(blocks("python")) >= 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []
