"""The same jobs on a local Ray: done, told of, tried again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nfield.bench import cluster
from nfield.bench.cluster import Cluster
from nfield.bench.job import Job
from nfield.bench.plan import Choice, make_plan
from nfield.bench.suite import read_suite
from nfield.bench.sweep import run_plan
from nfield.errors import InputError
from tests.bench.small import Here, write_suite


def jobs(count: int) -> tuple[Job, ...]:
    return tuple(
        Job("s", "m", seed, "builtin:matte", {"field": "ngp"}, {}) for seed in range(count)
    )


def touch(job: Job, out: Path) -> None:
    """A job that is refused, one that fails, one whose worker is lost once; others touch a file."""
    mark = out / str(job.seed)
    if job.seed == 1:
        raise InputError("one\n sentence")
    if job.seed == 2:
        raise KeyError("x")
    if job.seed == 3 and not mark.exists():
        mark.touch()
        os._exit(1)
    mark.write_text(os.environ.get("OMP_NUM_THREADS", ""))


def die(job: Job, out: Path) -> None:
    os._exit(1)


@pytest.fixture(autouse=True)
def ray() -> None:
    pytest.importorskip("ray", reason="the extra cluster is not installed")


@pytest.mark.filterwarnings("ignore")
def test_jobs_end_in_any_order_and_are_told_of(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(cluster, "IN_FLIGHT", 2)  # the others wait for these
    pool = Cluster(cpus=1, do=touch)
    outcomes = {outcome.job.seed: outcome.error for outcome in pool(jobs(6), tmp_path)}
    assert outcomes == {0: None, 1: "one sentence", 2: "KeyError: 'x'", 3: None, 4: None, 5: None}
    assert (tmp_path / "3").read_text() == (tmp_path / "0").read_text()


@pytest.mark.filterwarnings("ignore")
def test_a_worker_that_is_lost_again_and_again_is_told_of(tmp_path: Path) -> None:
    (outcome,) = Cluster(do=die)(jobs(1), tmp_path)
    assert outcome.error is not None and "its worker was lost, 3 times" in outcome.error


@pytest.mark.filterwarnings("ignore")
def test_a_sweep_is_the_same_as_in_one_process(photos: Path, tmp_path: Path) -> None:
    suite = write_suite(tmp_path / "s.toml", scenes=f'ball = {{ data = "{photos}" }}')
    plan = make_plan(read_suite(suite), Choice(seeds=2))

    def scores(pool: Here | Cluster, name: str) -> list[object]:
        results = run_plan(plan, tmp_path / name, pool, lambda outcome, done, total: None)
        assert not results.problems
        return [(row.seed, row.metrics) for row in results.rows]

    assert scores(Cluster(), "ray") == scores(Here(), "here")


@pytest.mark.filterwarnings("ignore")
def test_an_address_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    message = "--cluster: a Ray cluster must answer at 127.0.0.1:1, got .*refused"
    with pytest.raises(InputError, match=message):
        next(Cluster("127.0.0.1:1")(jobs(1), tmp_path))


@pytest.mark.filterwarnings("ignore")
def test_jobs_that_no_node_can_take_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--cpus: a job must fit one node .* got 1000; ask for"):
        list(Cluster(cpus=1000, do=touch)(jobs(1), tmp_path))
