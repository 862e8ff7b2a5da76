"""From suites to jobs: what is stronger, and what becomes a problem."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from nfield.bench.plan import Choice, Plan, make_plan
from nfield.bench.suite import read_suite
from nfield.errors import InputError
from tests.bench.small import write_suite

BUILTIN = 'm = { data = "builtin:matte" }\ng = { data = "builtin:glossy", downscale = 2 }'


def plan(path: Path, choice: Choice | None = None, **texts: str) -> Plan:
    suite = write_suite(path / "s.toml", **({"scenes": BUILTIN} | texts))
    return make_plan(read_suite(suite), choice or Choice())


def test_scenes_times_methods_times_seeds(tmp_path: Path) -> None:
    made = plan(tmp_path, Choice(seeds=3), methods="ngp = {}\nvoxel = {}")
    assert len(made.jobs) == len({job.name for job in made.jobs}) == 2 * 2 * 3
    assert not made.problems


def test_the_method_is_stronger_than_the_scene_and_the_user_than_both(tmp_path: Path) -> None:
    methods = 'a = { field = "ngp", downscale = 4, train.samples = 2048 }'
    own = {job.scene: job.settings for job in plan(tmp_path, methods=methods).jobs}
    assert own["m"]["downscale"] == own["g"]["downscale"] == 4
    assert own["m"]["train.samples"] == 2048 and own["m"]["train.rays"] == 64
    user = plan(tmp_path, Choice(set=("downscale=8",)), methods=methods).jobs[0].settings
    assert user["downscale"] == "8"


@pytest.mark.parametrize("choice", [Choice(max_seconds=2.0), Choice(set=("max_seconds=2",))])
def test_a_budget_replaces_the_other(tmp_path: Path, choice: Choice) -> None:
    settings = plan(tmp_path, choice).jobs[0].settings
    assert float(settings["max_seconds"]) == 2.0 and "max_steps" not in settings


def test_missing_data_leaves_the_rest(tmp_path: Path) -> None:
    scenes = 'gone = { data = "a/gone" }\n' + BUILTIN
    made = plan(tmp_path, Choice(data=str(tmp_path)), scenes=scenes, rest='download = "there"')
    assert {job.scene for job in made.jobs} == {"m", "g"}
    (problem,) = made.problems
    assert problem.scene == "gone" and problem.method == ""
    assert f"{tmp_path}/a/gone: data of gone must be there" in problem.text
    assert "(there)" in problem.text and "--data" in problem.text


def test_the_folder_of_datasets_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    scenes = 'here = { data = "here" }'
    monkeypatch.setenv("NFIELD_DATA", str(tmp_path))
    assert plan(tmp_path, scenes=scenes).jobs[0].data == str(tmp_path / "here")
    monkeypatch.delenv("NFIELD_DATA")
    monkeypatch.chdir(tmp_path)
    assert plan(tmp_path, scenes=scenes).problems


def test_a_wrong_method_of_the_suite_leaves_the_rest(tmp_path: Path) -> None:
    methods = "ngp = {}\nngq = {}\nsiren = {}\nbad = { field = 'ngp', model.width2 = 3 }"
    methods += "\nlist = { field = 'ngp', model.width = [64, 64] }"
    made = plan(tmp_path, methods=methods, scenes='m = { data = "builtin:matte" }')
    assert {job.method for job in made.jobs} == {"ngp"}
    texts = {problem.method: problem.text for problem in made.problems}
    assert "got 'ngq'" in texts["ngq"]
    assert "made for an image" in texts["siren"]
    assert "model.width2" in texts["bad"]
    assert "model.width must be" in texts["list"]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (Choice(methods=("nqp",)), "--methods: 'nqp' is none of the suite's ngp; field: name must"),
        (Choice(scenes=("mm",)), "--scenes: names must be of m, g, got 'mm'; choose m"),
        (Choice(seeds=0), "--seeds: number must be at least 1, got 0"),
    ],
)
def test_wrong_choices_are_refused(tmp_path: Path, choice: Choice, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan(tmp_path, choice)


@pytest.mark.parametrize("setting", ["samples", "data=x", "seed=3", "nothing=1"])
def test_wrong_overrides_are_told(tmp_path: Path, setting: str) -> None:
    made = plan(tmp_path, Choice(set=(setting,)))
    assert not made.jobs and setting.partition("=")[0] in made.problems[0].text


def test_any_field_can_be_chosen(tmp_path: Path) -> None:
    made = plan(tmp_path, Choice(methods=("voxel",), scenes=("m",)))
    assert [(job.method, job.settings["field"]) for job in made.jobs] == [("voxel", "voxel")]


def test_jobs_are_plain_values(tmp_path: Path) -> None:
    import json

    job = plan(tmp_path, Choice(every=3, lpips_weights="w.pt")).jobs[0]
    assert json.loads(json.dumps(asdict(job))) == asdict(job)
    assert job.evaluate == {"every": 3, "lpips_weights": str(Path("w.pt").resolve())}
