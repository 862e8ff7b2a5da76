"""The verb and its Python twin: a normal run comes of it, and wrong input is one sentence."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch

import nfield
import nfield.config
from nfield import cli
from nfield.config import identity
from nfield.errors import InputError
from nfield.run import Run
from nfield.train.folder import RunFolder
from tests.conversion.conftest import MODELS, TAUGHT

SETTINGS = (*TAUGHT, *MODELS["voxel"])


@pytest.fixture(scope="module")
def converted(teacher: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("converted") / "run"
    return nfield.convert(teacher, to="voxel", out=out, max_steps=20, set=SETTINGS)


def test_the_student_is_a_normal_run(converted: Run, teacher: Run) -> None:
    run = nfield.open_run(converted.folder.path)
    assert run.config.data == teacher.config.data
    assert run.config.occupancy == teacher.config.occupancy
    assert run.model.bounds.center == teacher.model.bounds.center
    assert run.evaluate(every=3)["mean"]["psnr"] > 5
    assert run.folder.meta()["step"] == 20
    assert identity(run.config)["convert.digest"]


def test_the_report_sets_the_student_beside_its_teacher(converted: Run) -> None:
    result = json.loads((converted.folder.path / "convert.json").read_text())
    assert (result["teacher"]["field"], result["student"]["field"]) == ("ngp", "voxel")
    assert result["views"] == 3
    assert result["teacher"]["psnr"] > result["student"]["psnr"] - 3
    assert 5 < result["against_teacher"]["psnr"] < 60
    assert result["student"]["bytes"] == converted.model.size()["bytes"]
    page = (converted.folder.path / "report.html").read_text()
    for text in ("ngp to voxel", "teacher, student, error", "convert.digest", "<polyline"):
        assert text in page


def test_the_photos_need_not_be_at_hand(teacher: Run, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    shutil.copytree(teacher.folder.path, alone)
    text = (alone / "config.toml").read_text()
    (alone / "config.toml").write_text(text.replace(teacher.config.data, str(tmp_path / "gone")))
    run = nfield.convert(alone, to="voxel", max_steps=3, set=SETTINGS)
    assert run.folder.path == tmp_path / "alone-voxel"
    assert run.config.convert.poses == "sphere"
    result = json.loads((run.folder.path / "convert.json").read_text())
    assert result["teacher"]["psnr"] is None
    assert result["against_teacher"]["psnr"] > 0
    with pytest.raises(InputError, match="gone: must be a folder"):
        nfield.convert(alone, to="nerf", max_seconds=1, finetune_seconds=1, out=tmp_path / "x")


def test_a_resumed_conversion_keeps_its_teacher(teacher: Run, tmp_path: Path) -> None:
    known = tmp_path / "teacher"
    shutil.copytree(teacher.folder.path, known)
    options = {"to": "voxel", "out": tmp_path / "run"}
    settings = (*SETTINGS, "train.decay_steps=8")
    nfield.convert(known, max_steps=3, set=settings, **options)
    moved = known.rename(tmp_path / "moved")
    run = nfield.convert(moved, max_steps=4, resume=True, **options)
    assert run.folder.meta()["step"] == 4
    assert run.config.convert.teacher == str(moved)
    with pytest.raises(InputError, match=r"teacher: run must be a folder"):
        nfield.convert(known, resume=True, **options)
    folder = RunFolder.open(moved)
    tensors, meta = folder.require()
    folder.save(tensors | {"model.more": torch.zeros(1)}, meta)
    with pytest.raises(InputError, match="the teacher must be as when the conversion began"):
        nfield.convert(moved, resume=True, **options)
    with pytest.raises(InputError, match="must be one that `nfield fit` made, got one of"):
        nfield.fit(teacher.config.data, out=tmp_path / "run", resume=True)


def test_a_region_is_all_that_is_converted(teacher: Run, tmp_path: Path) -> None:
    box = nfield.Box((-2, -2, -2), (2, 2, 0))
    settings = [*TAUGHT, *MODELS["ngp"]]
    run = nfield.convert(
        teacher, to="ngp", out=tmp_path / "run", max_steps=3, region=box, set=settings
    )
    assert run.config.convert.edits == f"keep {box}"
    above = torch.rand(300, 3) * torch.tensor([1, 1, 0.4]) + torch.tensor([0, 0, 0.6])
    assert not run.model.occupancy.holds(above).any()
    assert run.model.occupancy.occupied_share() > 0.01
    result = json.loads((run.folder.path / "convert.json").read_text())
    assert result["teacher"]["psnr"] is None  # the photos show all of the scene


def test_command_line_converts_and_resumes(teacher: Run, tmp_path: Path, capsys) -> None:
    run, out = str(teacher.folder.path), str(tmp_path / "run")
    argv = ["convert", run, "--to", "voxel", "--out", out, "--set", *SETTINGS]
    assert cli.main([*argv, "--max-steps", "2", "--json"]) == 0
    text, err = capsys.readouterr()
    assert json.loads(text)["step"] == 2
    assert "Note: the stage of latents is skipped: they differ in width or meaning" in err
    again = ["convert", run, "--to", "voxel", "--out", out, "--resume", "--max-steps", "3"]
    assert cli.main(again) == 0
    assert "PSNR against the teacher's renders" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["TEACHER", "--to", "ngp"], "--to: a conversion must change something, got 'ngp'"),
        (["TEACHER", "--to", "nerv"], "field: name must be one of nerf"),
        (["TEACHER", "--to", "siren"], "--to: field must be made for a scene, got 'siren'"),
        (["absent", "--to", "nerf"], "absent: run must be a folder"),
        (["EMPTY", "--to", "nerf"], "run must have a checkpoint, got none"),
        (["IMAGE", "--to", "nerf"], "only runs of scenes can be converted, got one of an image"),
        (["TEACHER", "--to", "voxel", "--out", "OTHER"], "--out must not hold a run already"),
        (["TEACHER", "--to", "nerf", "--out", "OTHER", "--resume"], "must be a conversion to nerf"),
        (["TEACHER", "--to", "voxel", "--region", "1,2"], "must be 6 numbers, got '1,2'"),
        (
            ["TEACHER", "--to", "voxel", "--set", "model.resolution=1200"],
            "which must fit the memory of",
        ),
        (
            ["TEACHER", "--to", "voxel", "--max-steps", "9", "--finetune-seconds", "2"],
            "--finetune-seconds: seconds must be > 0 beside a budget in seconds, got 2.0",
        ),
        (["TEACHER", "--to", "voxel", "--set", "convert.hard=true"], "(nearest: convert.hard_"),
    ],
)
def test_wrong_input_is_one_sentence_and_2(
    argv: list[str], message: str, teacher: Run, tmp_path: Path, capsys, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image = nfield.config.resolve("x.png", {"max_steps": 1})
    for name, config in (("EMPTY", teacher.config), ("IMAGE", image), ("OTHER", teacher.config)):
        RunFolder.create(name, dataclasses.replace(config)).close()
    shutil.copytree(teacher.folder.path, "TEACHER")
    before = sorted(tmp_path.rglob("*"))
    assert cli.main(["convert", *argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    last = err.splitlines()[-1]
    assert last.startswith("nfield: ")
    assert message in last
    assert sorted(tmp_path.rglob("*")) == before


def test_a_student_is_taught_on_the_gpu_as_on_the_cpu(
    teacher: Run, tmp_path: Path, gpu: torch.device
) -> None:
    found = [
        nfield.convert(
            teacher, to="voxel", out=tmp_path / name, max_steps=40, set=SETTINGS, device=name
        ).evaluate(every=3)["mean"]["psnr"]
        for name in ("cpu", gpu.type)
    ]
    # The same rays and random numbers; sums differ in the last bits, which 40 steps spread.
    assert found[1] == pytest.approx(found[0], abs=0.3)
