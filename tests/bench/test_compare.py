"""Comparisons: the noise is that of seeds, and what is not comparable is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nfield.bench.compare import compare, student
from nfield.bench.results import Row, write_results
from nfield.errors import InputError
from tests.bench.small import results, row


def written(path: Path, rows: list[Row]) -> Path:
    return write_results(results(rows), path)


def seeds(values: list[float], scene: str = "a", method: str = "m", **changes: object) -> list[Row]:
    return [row(scene, method, seed, value, **changes) for seed, value in enumerate(values)]


@pytest.mark.parametrize("confidence", [0.95, 0.99])
@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 20, 200])
def test_students_quantile(confidence: float, degrees: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    want = stats.t.ppf((1 + confidence) / 2, degrees)
    # The expansion is short by 0.8 % at 3 degrees of freedom, and by less above.
    assert student(confidence, degrees) == pytest.approx(want, rel=0.01)


def test_equal_sweeps_are_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, seeds([30.0, 31.0]))
    found = compare(path, tmp_path)
    assert {change.verdict for change in found.changes} == {"same"}
    assert not found.is_worse and not found.notes


@pytest.mark.parametrize(("b", "verdict"), [(20.0, "worse"), (40.0, "better"), (30.05, "within")])
def test_what_is_beyond_the_noise(tmp_path: Path, b: float, verdict: str) -> None:
    spread = [-0.1, 0.0, 0.1]
    first = written(tmp_path / "a", seeds([30 + x for x in spread]))
    second = written(tmp_path / "b", seeds([b + x for x in spread]))
    found = compare(first, second)
    assert found.changes[0].metric == "psnr"
    assert found.changes[0].verdict.startswith(verdict)
    # s = 0.1 with 4 degrees of freedom: t = 4.604 of 99 %.
    assert found.changes[0].noise == pytest.approx(4.604 * 0.1 * (2 / 3) ** 0.5, rel=0.01)
    assert found.is_worse == (verdict == "worse")


def test_smaller_is_better_where_it_is(tmp_path: Path) -> None:
    sides = []
    for name, value in (("a", 0.2), ("b", 0.1)):
        rows = [
            row("a", "m", i, 0.0, metrics={"lpips": value + 1e-3 * i, "chamfer": value * (1 + i)})
            for i in range(2)
        ]
        sides.append(written(tmp_path / name, rows))
    verdicts = {c.metric: c.verdict for c in compare(*sides).changes}
    assert verdicts == {"lpips": "better", "chamfer": "within noise"}


def test_scenes_of_a_method_share_their_noise(tmp_path: Path) -> None:
    rows = seeds([30.0, 30.2], "a") + seeds([20.0], "b")
    change = next(
        c
        for c in compare(written(tmp_path / "a", rows), written(tmp_path / "b", rows)).changes
        if c.scene == "b"
    )
    assert change.noise is not None


def test_false_alarms_are_as_rare_as_stated(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    alarms = 0
    for i in range(100):
        sides = [
            written(tmp_path / f"{i}{name}", seeds(random.normal(30, 0.2, 3).tolist()))
            for name in "ab"
        ]
        alarms += compare(*sides).changes[0].verdict in ("better", "worse")
    # 1 of 100 is expected; 6 or more come up once in 2000 such tests.
    assert alarms < 6


def test_one_seed_cannot_tell(tmp_path: Path) -> None:
    first = written(tmp_path / "a", seeds([30.0]))
    found = compare(first, written(tmp_path / "b", seeds([29.0])))
    assert found.changes[0].verdict == "changed" and found.changes[0].noise is None
    assert not found.is_worse


def test_what_only_one_has(tmp_path: Path) -> None:
    both = seeds([30.0, 31.0])
    first = written(tmp_path / "a", both + seeds([1.0], "x"))
    second = written(tmp_path / "b", both + seeds([1.0], "y"))
    found = compare(first, second)
    assert found.only_a == ("x m",) and found.only_b == ("y m",)
    assert found.is_worse and not compare(written(tmp_path / "c", both), second).is_worse


@pytest.mark.parametrize("key", ["protocol", "split", "resolution", "background", "views", "every"])
def test_other_protocols_are_refused(tmp_path: Path, key: str) -> None:
    first = written(tmp_path / "a", seeds([30.0]))
    second = written(tmp_path / "b", seeds([30.0], **{key: 7}))
    with pytest.raises(InputError, match=f"must be made alike, got {key} .* and 7 of a m"):
        compare(first, second)


def test_nothing_in_common_is_refused(tmp_path: Path) -> None:
    first = written(tmp_path / "a", seeds([30.0]))
    with pytest.raises(InputError, match="must have a scene and a method in common"):
        compare(first, written(tmp_path / "b", seeds([30.0], "z")))


def test_budgets_sizes_seconds_and_machines_are_noted(tmp_path: Path) -> None:
    changed = {"budget": "9 steps", "bytes": 50, "machine": "other", "train_seconds": 1.0}
    first = written(tmp_path / "a", seeds([30.0]))
    notes = compare(first, written(tmp_path / "b", seeds([30.0], **changed))).notes
    assert "m: budget 6 steps became 9 steps" in notes
    assert "m: bytes 40 became 50" in notes
    assert "m: training 0.5 s became 1 s" in notes
    assert "measured on a machine, then on other" in notes


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": 1}', '{"schema": 1, "rows": [{}]}'])
def test_damaged_results_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(InputError, match="results must be what `nfield bench` wrote"):
        compare(tmp_path, tmp_path)


def test_absent_and_future_results_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="results must exist, got none"):
        compare(tmp_path, tmp_path)
    (tmp_path / "results.json").write_text('{"schema": 2}')
    with pytest.raises(InputError, match="schema must be <= 1"):
        compare(tmp_path, tmp_path)


def test_lpips_of_another_network_is_refused_where_both_have_it(tmp_path: Path) -> None:
    def side(name: str, lpips: float | None) -> Path:
        rows = seeds([30.0], metrics={"psnr": 30.0, "lpips": lpips}, lpips_weights=name)
        return written(tmp_path / f"{name}{lpips}", rows)

    with pytest.raises(InputError, match="got lpips_weights alex and vgg of a m"):
        compare(side("alex", 0.1), side("vgg", 0.1))
    assert compare(side("alex", 0.1), side("vgg", None)).changes
