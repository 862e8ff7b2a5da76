"""A student beside training from scratch: both curves, and every wrong run refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import nfield
from nfield import cli
from nfield.conversion.beside import held_out_curve, reached
from nfield.run import Run
from nfield.train.folder import RunFolder
from tests.conversion.conftest import COMMON, MODELS, OCCUPANCY

SETTINGS = (*COMMON, *MODELS["voxel"])


@pytest.fixture(scope="module")
def scratch(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    settings = (*SETTINGS, *OCCUPANCY)
    out = tmp_path_factory.mktemp("scratch") / "run"
    return nfield.fit(photos, field="voxel", out=out, max_steps=4, set=settings)


def test_fits_log_test_views_at_their_end(scratch: Run) -> None:
    ((seconds, psnr),) = held_out_curve(scratch.folder.records())
    assert seconds == scratch.folder.meta()["seconds"]
    # The views of this scene are small: the probe sees all of their pixels.
    assert psnr == pytest.approx(scratch.evaluate()["mean"]["psnr"], abs=0.01)


def test_the_report_shows_both_curves(teacher: Run, scratch: Run, tmp_path: Path) -> None:
    run = nfield.convert(
        teacher, to="voxel", out=tmp_path / "run", max_steps=40, set=SETTINGS,
        beside=scratch.folder.path,
    )  # fmt: skip
    result = json.loads((run.folder.path / "convert.json").read_text())
    assert result["over_time"] == [list(point) for point in held_out_curve(run.folder.records())]
    beside = result["beside"]
    assert beside["over_time"] == [[beside["seconds"], beside["psnr"]]]
    assert beside["reached"] == reached(result["over_time"], beside["psnr"])
    page = (run.folder.path / "report.html").read_text()
    assert "beside training from scratch" in page
    assert "from scratch</text>" in page
    assert "student</text>" in page


def test_the_time_to_be_as_good() -> None:
    curve = [(1.0, 10.0), (2.0, 20.0), (3.0, 19.0)]
    assert [reached(curve, psnr) for psnr in (5, 15, 20, 21)] == [1.0, 2.0, 2.0, None]


def test_records_without_test_views_are_no_points() -> None:
    records = [{"seconds": 1.0, "psnr": 3.0}, {"seconds": 2.0, "test_psnr": None}]
    assert held_out_curve([*records, {"seconds": 3.0, "test_psnr": 9.0}]) == [(3.0, 9.0)]


def test_wrong_runs_are_refused(teacher: Run, scratch: Run, tmp_path: Path, capsys) -> None:
    def refused(beside: Path, *more: str) -> str:
        argv = ["convert", str(teacher.folder.path), "--to", "voxel", "--out", str(tmp_path / "x")]
        assert cli.main([*argv, "--beside", str(beside), "--set", *SETTINGS, *more]) == 2
        assert not (tmp_path / "x").exists()
        return capsys.readouterr().err.splitlines()[-1]

    assert "run must be a folder" in refused(tmp_path / "none")
    other = refused(teacher.folder.path)
    assert "--beside: run must be of the student's field and data, got field 'ngp'" in other
    assert "model.resolution 24 (was 32)" in refused(scratch.folder.path, "model.resolution=32")
    edited = refused(scratch.folder.path, "--region", "0,0,0,1,1,1")
    assert "--beside: a student beside a fit must not be edited" in edited
    silent = tmp_path / "silent"
    shutil.copytree(scratch.folder.path, silent)
    (silent / "log.jsonl").write_text('{"step": 4, "seconds": 1.0, "psnr": 9.0}\n')
    assert "log must have the PSNR of test views over time, got none" in refused(silent)
    moved = tmp_path / "moved"
    shutil.copytree(scratch.folder.path, moved)
    text = (moved / "config.toml").read_text()
    (moved / "config.toml").write_text(text.replace(scratch.config.data, str(tmp_path)))
    assert f"got data '{tmp_path}'" in refused(moved)


def test_a_conversion_is_not_from_scratch(teacher: Run, tmp_path: Path) -> None:
    run = nfield.convert(teacher, to="voxel", out=tmp_path / "one", max_steps=2, set=SETTINGS)
    assert len(held_out_curve(RunFolder.open(run.folder.path).records())) == 1
    with pytest.raises(nfield.InputError, match="run must be trained from photos, got a conv"):
        nfield.convert(
            teacher, to="voxel", out=tmp_path / "two", max_steps=2, set=SETTINGS,
            beside=run.folder.path,
        )  # fmt: skip


def test_test_views_must_be_at_hand(teacher: Run, scratch: Run, tmp_path: Path) -> None:
    folders = []
    for run in (teacher, scratch):
        place = tmp_path / run.config.field
        shutil.copytree(run.folder.path, place)
        text = (place / "config.toml").read_text()
        (place / "config.toml").write_text(text.replace(run.config.data, str(tmp_path / "gone")))
        folders.append(place)
    with pytest.raises(nfield.InputError, match="--beside: test views must be at hand, got none"):
        nfield.convert(folders[0], to="voxel", max_steps=2, set=SETTINGS, beside=folders[1])
    assert not (tmp_path / "ngp-voxel").exists()
