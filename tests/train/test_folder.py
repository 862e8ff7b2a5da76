"""The run folder: whole files, equal bytes for equal state, refusals that lose nothing."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from nfield.config import Config, resolve
from nfield.errors import InputError
from nfield.train.folder import RunFolder

META = {"step": 7, "seconds": 1.5, "rng": [1, 2], "center": {"x": 0.1}}


def config(**options) -> Config:
    return resolve("builtin:matte", {"max_steps": 10, **options})


def plan(folder: RunFolder, options: dict) -> RunFolder:
    return RunFolder.plan("builtin:matte", options, [], out=folder.path, resume=True)


def state() -> dict[str, torch.Tensor]:
    return {
        "table": torch.arange(64.0).reshape(8, 8).T,  # not contiguous
        "mask": torch.tensor([True, False]),
        "step": torch.tensor(7),
    }


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", config())


def test_state_comes_back_as_saved(folder: RunFolder) -> None:
    assert folder.load() is None
    folder.save(state(), META)
    opened = RunFolder.open(folder.path)
    assert opened.config == folder.config
    tensors, meta = opened.load() or ({}, {})
    assert meta == META
    assert tensors.keys() == state().keys()
    assert all(torch.equal(tensors[name], tensor) for name, tensor in state().items())


def test_equal_state_gives_equal_bytes(folder: RunFolder) -> None:
    folder.save(state(), META)
    first = folder.checkpoint.read_bytes()
    folder.save(dict(reversed(state().items())), dict(reversed(META.items())))
    assert folder.checkpoint.read_bytes() == first


def test_loaded_tensors_outlive_the_next_save(folder: RunFolder) -> None:
    folder.save({"a": torch.ones(1000)}, META)
    tensors, _ = folder.load() or ({}, {})
    folder.save({"a": torch.zeros(1000)}, META)
    assert tensors["a"].sum() == 1000


@pytest.mark.parametrize("kept", [0, 5, 100, -1])
def test_checkpoint_cut_short_is_refused(folder: RunFolder, kept: int) -> None:
    folder.save(state(), META)
    folder.checkpoint.write_bytes(folder.checkpoint.read_bytes()[:kept])
    with pytest.raises(InputError, match="checkpoint must be whole, got a damaged file"):
        RunFolder.open(folder.path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"schema": 2}, "schema must be <= 1, got 2; update nfield"),
        ({"schema": "x"}, "schema must be <= 1, got 'x'"),
        ({"meta": {}}, "damaged file"),
        ([], "damaged file"),
    ],
)
def test_foreign_checkpoints_are_refused(folder: RunFolder, header, message: str) -> None:
    save_file(state() | {"table": torch.ones(1)}, folder.checkpoint, {"nfield": json.dumps(header)})
    with pytest.raises(InputError, match=message):
        RunFolder.open(folder.path)


def test_checkpoint_of_another_program_is_refused(folder: RunFolder) -> None:
    save_file({"a": torch.ones(1)}, folder.checkpoint)
    with pytest.raises(InputError, match="damaged file"):
        folder.load()


def test_checkpoint_of_another_configuration_is_refused(folder: RunFolder) -> None:
    folder.save(state(), META)
    path = folder.path / "config.toml"
    path.write_text(path.read_text().replace("log2_table = ", "log2_table = 1"))
    with pytest.raises(InputError, match=r"must be the checkpoint's, got model\.log2_table"):
        RunFolder.open(folder.path)


def test_checkpoints_from_before_a_setting_existed_open_with_its_default(folder: RunFolder) -> None:
    folder.save(state(), META)
    with safe_open(folder.checkpoint, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header = json.loads(file.metadata()["nfield"])
    del header["config"]["photos.refine_poses"]
    save_file(tensors, folder.checkpoint, {"nfield": json.dumps(header)})
    assert RunFolder.open(folder.path).meta() is not None
    path = folder.path / "config.toml"
    path.write_text(path.read_text().replace("refine_poses = false", "refine_poses = true"))
    with pytest.raises(InputError, match=r"got photos\.refine_poses True \(was False\)"):
        RunFolder.open(folder.path)


def test_budget_may_change_but_nothing_else(folder: RunFolder) -> None:
    folder.save(state(), META)
    with pytest.raises(InputError, match=r"must keep its configuration, got seed 1 \(was 0\)"):
        plan(folder, {"seed": 1})
    folder.close()
    plan(folder, {"max_steps": 20}).begin(7)
    assert RunFolder.open(folder.path).config.max_steps == 20


def test_resume_keeps_what_was_set_before(tmp_path: Path) -> None:
    first = RunFolder.plan("builtin:thin", {}, ["train.rays=9"], out=tmp_path / "a", resume=False)
    first.begin(0)
    again = RunFolder.plan("builtin:thin", {}, [], out=tmp_path / "a", resume=True)
    assert again.config == first.config


@pytest.mark.parametrize(
    ("data", "out"),
    [
        ("builtin:matte", "runs/matte-ngp"),
        ("photos/fox", "runs/fox-ngp"),
        ("photos/fox/transforms.json", "runs/fox-ngp"),
    ],
)
def test_run_is_named_after_scene_and_field(data: str, out: str) -> None:
    assert RunFolder.plan(data, {}, [], out=None, resume=False).path == Path(out)


def test_data_may_not_change(folder: RunFolder) -> None:
    with pytest.raises(InputError, match="must keep its data 'builtin:matte', got 'builtin:thin'"):
        RunFolder.plan("builtin:thin", {}, [], out=folder.path, resume=True)


def test_existing_run_is_not_overwritten(folder: RunFolder) -> None:
    with pytest.raises(InputError, match="add --resume to continue it, or choose another --out"):
        RunFolder.create(folder.path, config())


def test_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(InputError, match="must be new or empty"):
        RunFolder.create(tmp_path, config())
    with pytest.raises(InputError, match="must be new or empty"):
        RunFolder.create(tmp_path / "thesis.tex", config())
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run must be a folder that `nfield fit` made"):
        RunFolder.open(tmp_path)


def test_full_disk_keeps_the_old_checkpoint(folder: RunFolder, monkeypatch) -> None:
    folder.save(state(), META)
    before = folder.checkpoint.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left on device; free some space"):
        folder.save({"a": torch.zeros(3)}, META)
    assert folder.checkpoint.read_bytes() == before
    assert sorted(os.listdir(folder.path)) == [".lock", "checkpoint.safetensors", "config.toml"]


def test_limit_on_file_size_keeps_the_old_checkpoint(folder: RunFolder) -> None:
    """A real failing write, inside safetensors, in a process with a limit on file sizes."""
    folder.save(state(), META)
    before = folder.checkpoint.read_bytes()
    script = (
        "import torch; from nfield.train.folder import RunFolder\n"
        f"RunFolder.open({str(folder.path)!r}).save({{'a': torch.zeros(10**6)}}, {{}})"
    )
    limit = 10**5
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        cwd=Path(__file__).parents[2],
    )
    assert "InputError" in done.stderr
    assert "File too large; free some space" in done.stderr
    assert folder.checkpoint.read_bytes() == before


def test_log_of_a_killed_run_loses_only_its_last_line(folder: RunFolder) -> None:
    for step in range(5):
        folder.log({"step": step, "psnr": 20.0 + step})
    log = folder.path / "log.jsonl"
    log.write_text(log.read_text()[:-3])
    assert [r["step"] for r in folder.records()] == [0, 1, 2, 3]


def test_resume_forgets_records_after_the_checkpoint(folder: RunFolder) -> None:
    for step in range(5):
        folder.log({"step": step, "psnr": float("inf")})
    folder.begin(2)
    folder.log({"step": 3, "psnr": 1.0})
    folder.close()
    assert [r["step"] for r in folder.records()] == [0, 1, 2, 3]
    assert folder.records()[0]["psnr"] is None  # strict JSON has no infinity


def test_two_processes_cannot_fit_one_run(folder: RunFolder) -> None:
    again = plan(folder, {})
    with pytest.raises(InputError, match="run must be fitted by one process, got a second one"):
        again.begin(0)
    folder.close()
    again.begin(0)
    again.close()


def test_resume_removes_what_a_kill_left(folder: RunFolder) -> None:
    leftover = folder.path / ".checkpoint.4242.tmp.safetensors"
    leftover.write_bytes(b"half")
    folder.begin(0)
    assert not leftover.exists()


def test_tensorboard_mirrors_the_log(folder: RunFolder) -> None:
    pytest.importorskip("tensorboard", reason="the extra `log` is absent")
    folder.log({"step": 1, "psnr": 21.5})
    folder.close()
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder.path / "tensorboard")).Reload()
    (event,) = events.Scalars("psnr")
    assert (event.step, event.value) == (1, 21.5)
