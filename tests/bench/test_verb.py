"""`nfield bench` as users type it: what it prints, and with which exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nfield import cli
from nfield.bench import verb
from nfield.bench.results import write_results
from tests.bench.small import Here, results, row, write_suite


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    """Jobs run in this process."""
    pool = Here()
    monkeypatch.setattr(verb, "Local", lambda workers: pool)
    return pool


def test_without_a_suite_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "--json"]) == 0
    assert "builtin" in json.loads(capsys.readouterr().out)


def test_a_suite_runs_and_its_report_is_named(
    here: Here, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = write_suite(tmp_path / "s.toml", scenes=f'ball = {{ data = "{photos}" }}')
    argv = ["bench", suite, "--out", str(tmp_path / "out"), "--steps", "2", "--every", "3"]
    assert cli.main(argv) == 0
    shown = capsys.readouterr()
    assert "1/1 ball/ngp/seed-0: done" in shown.err
    assert shown.out.splitlines()[-1] == str(tmp_path / "out" / "report.html")
    assert cli.main([*argv, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["rows"][0]["views"] == 1 and here.begun == ["ball/ngp/seed-0"]


def test_what_is_missing_is_said_and_the_exit_code_is_1(
    here: Here, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenes = f'ball = {{ data = "{photos}" }}\ngone = {{ data = "gone" }}'
    suite = write_suite(tmp_path / "s.toml", scenes=scenes, rest='layout = "gone/transforms.json"')
    assert cli.main(["bench", suite, "--out", str(tmp_path / "out"), "--steps", "2"]) == 1
    shown = capsys.readouterr()
    assert "Left out: gone: data/gone: data of gone must be there" in shown.err
    assert "gone/transforms.json" in shown.err
    assert here.begun == ["ball/ngp/seed-0"] and "1 missing" in shown.out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["blendre"], "suite: name must be one of blender"),
        (["builtin", "blender"], "SUITE: must be one suite, or compare A B"),
        (["builtin", "--methods", "nqp"], "--methods: 'nqp' is none of the suite's ngp"),
        (["builtin", "--scenes", "mat"], "--scenes: names must be of matte, glossy, thin"),
        (["builtin", "--steps", "1", "--seconds", "1"], "budget must be --steps or --seconds"),
        (["builtin", "--workers", "0"], "--workers: number must be at least 1"),
        (["builtin", "--gpus", "1"], "--gpus: only --cluster grants them"),
        (["builtin", "--cluster", "local", "--workers", "2"], "--workers: of a cluster"),
        (["builtin", "--cluster", "local", "--cpus", "-1"], "--cpus: number must be from 0.001"),
        (["builtin", "--cluster", "local", "--gpus", "inf"], "--gpus: number must be from 0"),
        (["compare", "a"], "compare: two sweeps must be named, got a"),
        (["compare", "none", "none"], "results must exist, got none"),
    ],
)
def test_wrong_input_is_one_sentence_and_2(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["bench", *argv]) == 2
    err = capsys.readouterr().err
    assert message in err and len(err.strip().splitlines()) == 1


def test_a_comparison_that_is_worse_exits_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, psnr in (("a", 30.0), ("b", 20.0)):
        rows = [row("s", "m", seed, psnr + 0.1 * seed) for seed in range(3)]
        write_results(results(rows), tmp_path / name)
    sides = [str(tmp_path / name) for name in "ab"]
    assert cli.main(["bench", "compare", *sides]) == 1
    assert "worse" in capsys.readouterr().out
    assert cli.main(["bench", "compare", *sides[::-1], "--json"]) == 0
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert changes[0]["verdict"] == "better"
