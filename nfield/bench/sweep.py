"""A sweep: the jobs of a plan that are not done yet, then the results and their report."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from nfield.bench.job import is_done
from nfield.bench.local import Local
from nfield.bench.outcome import Outcome, Pool
from nfield.bench.plan import Choice, Plan, Problem, make_plan
from nfield.bench.results import Results, collect, write_results
from nfield.bench.suite import read_suite
from nfield.files import unwritable


def bench(
    suite: str,
    out: str | Path | None = None,
    *,
    choice: Choice | None = None,
    pool: Pool | None = None,
    watch: Callable[[Outcome, int, int], None] = lambda outcome, done, total: None,
) -> Results:
    """Fit scenes x methods x seeds of a suite, judge each, and write a report of all.

    What is done already is left as it is, and what was stopped goes on, so a sweep is repeated
    until nothing is missing. A job that fails does not stop the others.

    Args:
        suite: Name of a suite, or a file of one.
        out: Folder of the sweep, `runs/bench-<suite>` by default: runs/SCENE/METHOD/seed-N (each
            opens as any run), results.json, report.html and report.md.
        choice: What of the suite is run.
        pool: Where jobs run; `Local` (one process) by default, or `nfield.bench.cluster.Cluster`.
        watch: Called after each job with how many are done of how many.

    Raises:
        InputError: no such suite or choice, or a place that cannot be written to.
    """
    plan = make_plan(read_suite(suite), choice or Choice())
    return run_plan(plan, Path(out or default_out(plan)), pool or Local(), watch)


def default_out(plan: Plan) -> Path:
    """`runs/bench-<suite>`."""
    return Path("runs") / f"bench-{plan.suite.name}"


def run_plan(
    plan: Plan, out: Path, pool: Pool, watch: Callable[[Outcome, int, int], None]
) -> Results:
    """As `bench`, of a plan."""
    from nfield.bench.report import write_report

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(out, error) from error
    left = tuple(job for job in plan.jobs if not is_done(job, out))
    done, total = len(plan.jobs) - len(left), len(plan.jobs)
    problems = list(plan.problems)
    with closing(pool(left, out)) as outcomes:
        for outcome in outcomes:
            done += 1
            job = outcome.job
            if outcome.error is not None:
                problems.append(Problem(job.scene, job.method, job.seed, outcome.error))
            watch(outcome, done, total)
    order = {(job.scene, job.method, job.seed): i for i, job in enumerate(plan.jobs)}
    problems.sort(key=lambda p: order.get((p.scene, p.method, p.seed or 0), -1))
    results = collect(plan.suite, plan.jobs, problems, out)
    results = replace(results, problems=results.problems + _vanished(plan, results))
    write_results(results, out)
    write_report(results, out)
    return results


def _vanished(plan: Plan, results: Results) -> tuple[Problem, ...]:
    """Jobs that were done when this sweep looked, and are no more."""
    known = {(row.scene, row.method, row.seed) for row in results.rows}
    known |= {(p.scene, p.method, p.seed or 0) for p in results.problems}
    text = "another sweep judged it otherwise meanwhile; run this one again, or into its own --out"
    return tuple(
        Problem(job.scene, job.method, job.seed, text)
        for job in plan.jobs
        if (job.scene, job.method, job.seed) not in known
    )
