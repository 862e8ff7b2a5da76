"""A simulated job leaves what the runner takes for a job that is done."""

from __future__ import annotations

from pathlib import Path

from benchmarks.scale import VIEWS, simulated, suite_of
from nfield.bench.job import is_done
from nfield.bench.plan import Choice, make_plan
from nfield.bench.results import collect


def test_simulated_jobs_are_done(tmp_path: Path) -> None:
    suite = suite_of(200)
    plan = make_plan(suite, Choice())
    assert len(plan.jobs) == 200 and not plan.problems
    for job in plan.jobs[:2]:
        assert not is_done(job, tmp_path)
        simulated(job, tmp_path)
        assert is_done(job, tmp_path)
    results = collect(suite, plan.jobs, (), tmp_path)
    assert [row.views for row in results.rows] == [VIEWS, VIEWS]
