"""Suites: those that come with nfield are sound, and wrong ones are refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nfield.bench.suite import FOLDERS, MEAN, read_suite, suites
from nfield.config import resolve
from nfield.errors import InputError
from nfield.fields.presets import preset
from nfield.kinds import kind_of
from nfield.toml import read_toml

GOOD = '[methods]\nngp = {}\n[scenes]\na = { data = "builtin:matte" }\n'


@pytest.mark.parametrize("name", suites())
def test_every_method_fits_every_scene(name: str) -> None:
    suite = read_suite(name)
    for scene in suite.scenes.values():
        for method, own in suite.methods.items():
            settings = {"field": method, **suite.fit, **own}
            settings |= {key: value for key, value in scene.items() if key != "data"}
            config = resolve(scene["data"], settings)
            assert preset(config.field).kind == kind_of(scene["data"])


@pytest.mark.parametrize("name", suites())
def test_what_must_be_downloaded_says_from_where_and_to_where(name: str) -> None:
    suite = read_suite(name)
    offline = all(scene["data"].startswith("builtin:") for scene in suite.scenes.values())
    assert bool(suite.download) == bool(suite.layout) == (not offline)


@pytest.mark.parametrize("name", suites())
def test_published_figures_have_a_source_and_are_plausible(name: str) -> None:
    limits = {"psnr": (10, 60), "ssim": (0.1, 1), "lpips": (0, 1)}
    for entry in read_suite(name).published:
        assert re.search(r"arXiv:\d{4}\.\d{5}", entry.source)
        for metric, values in entry.figures.items():
            low, high = limits[metric]
            assert values and all(low < value < high for value in values.values())


def test_the_suites_of_the_field_are_there() -> None:
    wanted = {"blender", "llff", "mipnerf360", "tanksandtemples", "builtin", "images", "shapes"}
    assert wanted <= set(suites())
    assert len(read_suite("blender").scenes) == 8
    assert all(s["data"].startswith("builtin:") for s in read_suite("builtin").scenes.values())


def test_suites_ship_where_the_installed_package_looks() -> None:
    tables = read_toml(Path(__file__).parents[2] / "pyproject.toml")["tool"]["scikit-build"]
    assert tables["wheel"]["packages"]["nfield/bench/suites"] == "scenes/suites"
    assert [folder.parts[-2:] for folder in FOLDERS] == [("bench", "suites"), ("scenes", "suites")]


def test_means_of_the_chairs_peers() -> None:
    # The means that the papers print beside their scenes' values.
    stated = {"NeRF": 31.01, "Instant-NGP": 33.18, "TensoRF VM-192": 33.14, "Zip-NeRF": 33.09}
    for entry in read_suite("blender").published:
        values = entry.figures["psnr"]
        assert MEAN not in values and len(values) == 8
        if entry.method in stated:
            # Values have two decimals, and so has the stated mean.
            mean = sum(values.values()) / len(values)
            assert mean == pytest.approx(stated[entry.method], abs=0.0101)


def test_an_unknown_name_lists_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"one of blender, builtin, .*got 'blendr'; choose blend"):
        read_suite("blendr")
    with pytest.raises(InputError, match="file must exist"):
        read_suite(str(tmp_path / "none.toml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("titel = 'x'\n" + GOOD, r"keys of suite must be known, got 'titel' \(nearest: title\)"),
        ("seeds = 0\n" + GOOD, "seeds must be a whole number from 1, got 0"),
        ("seeds = true\n" + GOOD, "seeds must be a whole number from 1, got True"),
        ("[methods]\nngp = {}\n", "scenes must name at least one"),
        ('[scenes]\na = { data = "x" }\n', "methods must name at least one"),
        ("fit = 3\n" + GOOD, "fit must be a table, got 3"),
        ("[methods]\nngp = 1\n[scenes]\na = { data = 'x' }\n", "methods.ngp must be a table"),
        ("[methods]\nngp = {}\n[scenes]\na = { downscale = 2 }\n", "scene a must name its data"),
        (
            '[methods]\n"../x" = {}\n[scenes]\na = { data = "x" }\n',
            r"names of methods must be letters.*got '\.\./x'",
        ),
        ("[evaluate]\nevry = 2\n" + GOOD, r"keys of evaluate .*'evry' \(nearest: every\)"),
        (
            GOOD + "[[published]]\nmethod = 'A'\nsource = 'B'\nnotes = 3\n",
            "notes must be a list of texts, got 3",
        ),
        (GOOD + "[[published]]\nmethod = 'A'\n", "published must have source as text"),
        (
            GOOD + "[[published]]\nmethod = 'A'\nsource = 'B'\npsnr = { b = 3.0 }\n",
            "keys of published psnr must be known, got 'b'",
        ),
        (
            GOOD + "[[published]]\nmethod = 'A'\nsource = 'B'\npsnr = { a = 'x' }\n",
            "published psnr must be numbers, got 'x'",
        ),
        ("published = [1]\n" + GOOD, "published must be tables"),
    ],
)
def test_wrong_files_are_refused_in_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "s.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_suite(str(path))
