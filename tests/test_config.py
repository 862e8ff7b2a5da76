"""Configuration: typing of overrides, refusals, recipes, and the way through TOML and back."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfield import config as c
from nfield.errors import InputError
from nfield.fields.presets import PRESETS
from nfield.toml import dump_toml, tomllib

DATA = {"radiance": "builtin:matte", "image": "a.png", "distance": "a.obj", "video": "a.mp4"}
REPOSITORY = Path(__file__).parent.parent


def test_overrides_take_the_type_of_their_key() -> None:
    config = c.resolve(
        "builtin:matte",
        {"seed": 3},
        ["train.samples=4096", "train.learning_rate=1e-3", "max_seconds=5", "background=black"],
    )
    assert (config.seed, config.train.samples, config.background) == (3, 4096, "black")
    assert config.train.learning_rate == 1e-3
    assert isinstance(config.max_seconds, float)


def test_relative_data_becomes_absolute_and_builtin_stays(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert c.resolve("chair").data == str(tmp_path / "chair")
    assert c.resolve("builtin:thin").data == "builtin:thin"


def test_without_a_budget_a_run_takes_a_minute() -> None:
    config = c.resolve("builtin:matte")
    assert (config.max_steps, config.max_seconds) == (None, 60.0)


def test_a_later_budget_replaces_an_earlier_one() -> None:
    first = c.resolve("builtin:matte", {"max_steps": 100})
    second = c.resolve("builtin:matte", {"max_seconds": 5.0}, base=first)
    assert (second.max_steps, second.max_seconds) == (None, 5.0)


def test_all_unknown_keys_are_listed_with_nearest_names() -> None:
    with pytest.raises(InputError) as caught:
        c.resolve("x", {}, ["train.smaples=1", "occupancy.levls=2", "learning_rate=1"])
    message = str(caught.value)
    assert "'train.smaples' (nearest: train.samples" in message
    assert "'occupancy.levls' (nearest: occupancy.levels" in message
    assert "'learning_rate' (nearest: train.learning_rate" in message


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("train.samples=-1", r"train.samples must be an integer >= 1024 and <= \d+, got '-1'"),
        ("train.samples=1e4", r"train.samples must be an integer >= 1024 and <= \d+, got '1e4'"),
        ("train.learning_rate=nan", "train.learning_rate must be a finite number > 0, got 'nan'"),
        ("max_seconds=inf", "max_seconds must be a finite number > 0, got 'inf'"),
        ("occupancy.decay=1.5", "occupancy.decay must be a finite number > 0 and <= 1, got '1.5'"),
        ("model.color_hidden=-1", r"model.color_hidden must be an integer >= 0 and <= \d+, got"),
        ("background=red", "background must be one of random, white, black, got 'red'"),
        ("seed", "override must be key=value, got 'seed'"),
        ("field=nerv", "field: name must be one of .*ngp.*, got 'nerv'"),
        ("schema=2", "schema must be an integer > 0 and <= 1, got '2'"),
        (f"max_steps={'9' * 400}", "max_steps must be an integer > 0"),
        (f"max_steps={'9' * 5000}", "max_steps must be an integer > 0"),
    ],
)
def test_wrong_values_name_key_rule_and_value(assignment: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        c.resolve("x", {}, [assignment])


def test_two_budgets_at_once_are_refused() -> None:
    with pytest.raises(InputError, match="must be max_steps or max_seconds, got both"):
        c.resolve("x", {"max_steps": 3, "max_seconds": 3.0})


def test_a_resumed_run_keeps_its_field() -> None:
    with pytest.raises(InputError, match="field must stay 'ngp', got 'other'"):
        c.resolve("x", {"field": "other"}, base=c.resolve("x"))


def test_identity_leaves_out_what_a_resume_may_change() -> None:
    a = c.resolve("x", {"max_steps": 3})
    b = c.resolve("y", {"max_seconds": 9.0, "device": "cpu", "seed": 1})
    assert c.differences(c.identity(a), c.identity(b)) == "seed 1 (was 0)"


def test_recipe_is_weaker_than_options_and_its_data_lies_beside_it(tmp_path: Path) -> None:
    recipe = tmp_path / "scene.toml"
    recipe.write_text('data = "photos"\nmax_seconds = 9\n[train]\nsamples = 8192\nrays = 64\n')
    config = c.resolve(str(recipe), {"max_steps": 7}, ["train.rays=32"])
    assert config.data == str(tmp_path / "photos")
    assert (config.max_steps, config.max_seconds) == (7, None)
    assert (config.train.samples, config.train.rays) == (8192, 32)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_steps = 3", "a recipe must name its scene"),
        ("data = ", "file must be TOML"),
        ('data = "x"\nsteps = 3', "keys must be known, got 'steps' \\(nearest: max_steps"),
        ('data = "x"\ntrain = 3', "keys must be known, got 'train'"),
        ('data = "x"\nseed = [1]', "seed must be an integer"),
        ('data = "x"\nmax_steps = true', "max_steps must be an integer"),
    ],
)
def test_wrong_recipes_are_refused(tmp_path: Path, text: str, message: str) -> None:
    recipe = tmp_path / "scene.toml"
    recipe.write_text(text)
    with pytest.raises(InputError, match=message):
        c.resolve(str(recipe))


def test_missing_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="file must exist"):
        c.resolve(str(tmp_path / "scene.toml"))


@pytest.mark.parametrize(
    "recipe", sorted((REPOSITORY / "scenes").glob("*.toml")), ids=lambda p: p.stem
)
def test_recipes_of_the_repository_are_right(recipe: Path) -> None:
    assert c.resolve(str(recipe)).field in PRESETS


@pytest.mark.parametrize("field", PRESETS)
def test_resolved_configuration_survives_toml(field: str) -> None:
    config = c.resolve(DATA[PRESETS[field].kind], {"field": field}, ["train.distortion=0"])
    assert c.from_dict(tomllib.loads(dump_toml(c.to_dict(config)))) == config
    assert len(fields(config.model)) > 0


def test_future_schema_is_refused() -> None:
    values = {**c.to_dict(c.resolve("x")), "schema": 99, "from_the_future": 1}
    with pytest.raises(InputError, match="schema must be <= 1, got 99; update nfield"):
        c.from_dict(values)


scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8")),
)


@given(st.dictionaries(st.from_regex(r"[a-z_]+", fullmatch=True), scalars))
def test_toml_writer_is_read_back_as_written(section) -> None:
    values = {"top": 1, "section": section}
    assert tomllib.loads(dump_toml(values)) == values


@given(st.lists(st.text(max_size=20), max_size=4))
def test_any_text_is_applied_or_refused(assignments: list[str]) -> None:
    try:
        c.resolve("x", {}, assignments)
    except InputError as error:
        assert str(error)


@given(st.one_of(st.binary(max_size=60), st.text(max_size=30).map(lambda t: f"data={t}".encode())))
def test_any_file_is_a_recipe_or_refused(tmp_path_factory, content: bytes) -> None:
    recipe = tmp_path_factory.mktemp("recipe") / "x.toml"
    recipe.write_bytes(content)
    try:
        assert c.resolve(str(recipe)).data
    except InputError as error:
        assert str(recipe) in str(error) or "DATA" in str(error)


@given(st.text(max_size=30).filter(lambda text: not text.endswith(".toml")))
def test_any_path_is_located_or_refused(data: str) -> None:
    try:
        assert c.resolve(data).data
    except InputError as error:
        assert "must be valid UTF-8" in str(error)
