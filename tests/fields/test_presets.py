"""Presets: listing, names of other packages, and refusals."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nfield.config import Train, defaults
from nfield.errors import InputError
from nfield.fields.presets import PRESETS, preset, presets

SOURCE = """
from dataclasses import dataclass
from nfield.fields.presets import Preset

@dataclass(frozen=True)
class Settings:
    width: int = 8

good = Preset("image", Settings(), "other:build", {"learning_rate": 1e-3})
greedy = Preset("image", Settings(), "other:build", {"learning_rat": 1e-3})
wrong = Settings()

def build(settings):
    return settings.width
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts packages with entry points of the group on the path."""
    (tmp_path / "other.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "other", raising=False)

    def install(package: str, entries: str) -> None:
        folder = tmp_path / f"{package}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[nfield.fields]\n{entries}\n")

    return install


def test_presets_of_other_packages_are_listed_by_kind_and_built(install) -> None:
    install("other", "mine = other:good")
    assert list(presets())[: len(PRESETS)] == list(PRESETS)
    assert "mine" in presets("image") and "mine" not in presets("radiance")
    assert preset("mine").make(defaults("x", "mine").model) == 8


def test_a_preset_changes_the_defaults_of_training(install) -> None:
    install("other", "mine = other:good\ngreedy = other:greedy")
    train = defaults("x", "mine").train
    assert (train.learning_rate, train.samples) == (1e-3, Train().samples)
    with pytest.raises(InputError, match="field greedy: keys must be known, got 'train.learning_r"):
        defaults("x", "greedy")


def test_names_are_listed_with_the_nearest_first(install) -> None:
    install("other", "mine = other:good")
    with pytest.raises(InputError, match="field: name must be one of mine, .*ngp.*, got 'mime'"):
        preset("mime")


@pytest.mark.parametrize(
    ("entries", "name", "message"),
    [
        ("ngp = other:good", "ngp", "'ngp' must be defined once, got it from nfield and other;"),
        ("a = other:wrong", "a", "'a' of other must be a Preset whose settings are a dataclass"),
        ("a = other:absent", "a", "'a' of other must be importable, got AttributeError"),
        ("a = absent:x", "a", "'a' of other must be importable, got ModuleNotFoundError"),
    ],
)
def test_what_does_not_fit_is_refused(install, entries: str, name: str, message: str) -> None:
    install("other", entries)
    with pytest.raises(InputError, match=message):
        preset(name)
    with pytest.raises(InputError, match=message):
        presets()


def test_two_packages_with_one_name_are_refused(install) -> None:
    install("other", "mine = other:good")
    install("another", "mine = other:good")
    with pytest.raises(InputError, match="must be defined once, got it from another and other"):
        preset("mine")


def test_listing_does_not_import_torch() -> None:
    script = "import sys; from nfield.fields.presets import presets; presets(); "
    script += "assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
