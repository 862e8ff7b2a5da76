"""Sweeps: done once, gone on with after any end, and one failure stops nothing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path

import pytest

import nfield
from nfield.bench.job import Job, is_done, work
from nfield.bench.local import Local
from nfield.bench.outcome import Outcome
from nfield.bench.plan import Choice, Plan, make_plan
from nfield.bench.results import Results, read_results
from nfield.bench.suite import read_suite
from nfield.bench.sweep import bench, run_plan
from nfield.errors import InputError
from tests.bench.small import NGP, Here, write_suite

OTHER = NGP.replace("{", '{ field = "ngp",').replace("8", "9")
TIMES = ("train_seconds", "seconds_per_view")


def plan_of(suite: str, **choice: object) -> Plan:
    return make_plan(read_suite(suite), Choice(**choice))  # type: ignore[arg-type]


def run(plan: Plan, out: Path, pool: Here) -> Results:
    return run_plan(plan, out, pool, lambda outcome, done, total: None)


def timeless(path: Path) -> dict[str, object]:
    """What results.json holds, without times."""
    values = json.loads((path / "results.json").read_text())
    for row in values["rows"]:
        for key in TIMES:
            row.pop(key)
    return dict(values)


@pytest.fixture(scope="module")
def suite(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two small methods on one small scene."""
    path = tmp_path_factory.mktemp("suite") / "small.toml"
    methods = f"ngp = {NGP}\nother = {OTHER}"
    return write_suite(path, scenes=f'ball = {{ data = "{photos}" }}', methods=methods)


@pytest.fixture(scope="module")
def swept(suite: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Results]:
    """The folder and results of the whole suite, undisturbed."""
    out = tmp_path_factory.mktemp("swept")
    return out, run(plan_of(suite), out, Here())


def test_every_job_leaves_a_run_that_opens(swept: tuple[Path, Results]) -> None:
    out, results = swept
    assert [(row.scene, row.method, row.seed) for row in results.rows] == [
        ("ball", "ngp", 0),
        ("ball", "other", 0),
    ]
    assert not results.problems
    for row in results.rows:
        opened = nfield.open_run(out / row.run)
        assert opened.folder.meta()["step"] == row.step == 6
        metrics = json.loads((out / row.run / "eval" / "metrics.json").read_text())
        assert row.metrics["psnr"] == metrics["mean"]["psnr"]
        assert (row.views, row.every, row.resolution) == (2, 2, "32x32")
        assert row.shown is not None and row.shown["name"] in {v["name"] for v in metrics["views"]}
    assert read_results(out) == results
    assert (out / "report.html").exists() and (out / "report.md").exists()


def test_what_is_done_is_not_done_again(suite: str, swept: tuple[Path, Results]) -> None:
    out, results = swept
    pool = Here()
    assert run(plan_of(suite), out, pool) == results
    assert pool.begun == []


def test_what_was_judged_otherwise_is_judged_again(suite: str, swept: tuple[Path, Results]) -> None:
    out, results = swept
    job = plan_of(suite).jobs[0]
    nfield.open_run(job.folder(out)).evaluate(every=3)
    assert not is_done(job, out)
    pool = Here()
    again = run(plan_of(suite), out, pool)
    assert pool.begun == [job.name]
    assert again.rows[0].metrics == results.rows[0].metrics


def test_another_budget_is_refused(suite: str, swept: tuple[Path, Results]) -> None:
    out, _ = swept
    (job,) = plan_of(suite, max_steps=9, methods=("ngp",)).jobs
    with pytest.raises(InputError, match=r"the sweep's budget, got max_steps 9 \(was 6\)"):
        work(job, out)


def test_a_failure_stops_nothing(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    scenes = f'broken = {{ data = "{tmp_path}/broken" }}\nball = {{ data = "{photos}" }}'
    suite = write_suite(tmp_path / "s.toml", scenes=scenes)
    results = bench(suite, tmp_path / "out", choice=Choice(max_steps=2), pool=Here())
    assert [row.scene for row in results.rows] == ["ball"]
    (problem,) = results.problems
    assert problem.scene == "broken" and "must hold transforms_train.json" in problem.text


def test_killed_twice_it_ends_the_same(
    suite: str, swept: tuple[Path, Results], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "nfield", "bench", suite, "--out", str(tmp_path), "--steps"]
    budget = "150"
    whole = tmp_path / "whole"
    reference = run(plan_of(suite, max_steps=int(budget)), whole, Here())
    fits = tmp_path / "runs" / "ball"
    chance = random.Random(3)
    for method in ("ngp", "other"):
        process = subprocess.Popen(
            [*command, budget], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        _wait_for(fits / method / "seed-0" / "checkpoint.safetensors", process)
        time.sleep(chance.uniform(0, 0.3))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    # The second kill came later than the first job's end.
    assert (fits / "ngp" / "seed-0" / "eval" / "job.json").exists()
    done = subprocess.run([*command, budget], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert timeless(tmp_path) == timeless(whole)
    assert len(reference.rows) == 2


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 900  # where the machine is busy
    while not path.exists():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)


def test_ctrl_c_saves_and_the_same_command_goes_on(suite: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nfield", "bench", suite, "--out", str(tmp_path)]
    command += ["--methods", "ngp", "--steps", "100000"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As in a terminal, even where the tests run in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    folder = tmp_path / "runs" / "ball" / "ngp" / "seed-0"
    _wait_for(folder / "checkpoint.safetensors", process)  # type: ignore[arg-type]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and out == ""
    assert "The same command goes on." in err
    stopped = nfield.open_run(folder).folder.meta()
    assert stopped is not None and stopped["step"] > 0
    # The fit has ended with its process: another may go on at once.
    more = nfield.fit(
        nfield.open_run(folder).config.data, out=folder, resume=True, max_steps=stopped["step"] + 1
    )
    assert more.folder.meta()["step"] == stopped["step"] + 1


def test_processes_do_jobs_and_tell_what_went_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, suite: str
) -> None:
    script = "import sys, os, json; from pathlib import Path; out = Path(sys.argv[1]);"
    script += "method = json.loads(sys.argv[2])['method'];"
    script += "flag = out / 'flag';"
    lost = "first = not flag.exists(); flag.touch(); os.kill(os.getpid(), 9) if first else 0"
    wrong = "print('one', file=sys.stderr); print('the sentence', file=sys.stderr); sys.exit(2)"
    jobs = plan_of(suite, seeds=2).jobs

    def errors(body: str, workers: int = 2) -> list[str | None]:
        monkeypatch.setattr("nfield.bench.local.WORKER", ("-c", script + body))
        return [outcome.error for outcome in Local(workers)(jobs, tmp_path)]

    assert errors("pass") == [None] * 4
    assert errors(lost) == [None] * 4  # the one that was killed was tried again
    assert errors(wrong) == ["the sentence"] * 4
    (crashed, *_) = errors("raise KeyError('x')")
    assert crashed is not None and crashed.startswith("KeyError: 'x' (exit code 1); see ")
    (killed, *_) = errors("os.kill(os.getpid(), 9)")
    assert killed is not None and "killed by signal 9, 3 times" in killed


def test_a_worker_that_ignores_ctrl_c_still_follows_the_sweep(suite: str, tmp_path: Path) -> None:
    (job,) = plan_of(suite, methods=("ngp",), max_steps=100_000).jobs
    command = [sys.executable, "-m", "nfield.bench.worker", str(tmp_path), json.dumps(asdict(job))]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # As a shell starts what runs in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    _wait_for(job.folder(tmp_path) / "checkpoint.safetensors", process)
    _, err = process.communicate()  # closes its input
    assert process.returncode == 130, err
    assert nfield.open_run(job.folder(tmp_path)).folder.meta()["step"] > 0


def test_fewer_than_one_worker_is_refused() -> None:
    with pytest.raises(InputError, match="--workers: number must be at least 1, got 0"):
        Local(0)


def test_what_another_sweep_has_judged_otherwise_is_missing(suite: str, tmp_path: Path) -> None:
    class Meanwhile(Here):
        def __call__(self, jobs: tuple[Job, ...], out: Path) -> Generator[Outcome, None, None]:
            yield from super().__call__(jobs, out)
            run(plan_of(suite, every=1), out, Here())

    results = run(plan_of(suite, every=2), tmp_path, Meanwhile())
    assert not results.rows
    assert {problem.text for problem in results.problems} == {
        "another sweep judged it otherwise meanwhile; run this one again, or into its own --out"
    }
