"""Fitting from end to end, through Python and through the program, on a scene of tiny photos."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import nfield
from nfield import cli
from nfield.cli import main
from nfield.errors import InputError
from nfield.train.folder import RunFolder

# Small enough for a step in a few milliseconds.
SMALL = (
    "model.levels=4",
    "model.log2_table=12",
    "model.finest_resolution=64",
    "model.width=16",
    "train.samples=2048",
    "train.rays=128",
    "occupancy.resolution=32",
    "occupancy.steps=64",
)


def small_fit(photos: Path, out: Path, **options) -> nfield.Run:
    return nfield.fit(photos, out=out, set=SMALL, **options)


def state(run: nfield.Run) -> tuple[dict[str, torch.Tensor], dict]:
    tensors, meta = run.folder.load() or ({}, {})
    return tensors, {key: value for key, value in meta.items() if key != "seconds"}


def assert_same_state(a: nfield.Run, b: nfield.Run) -> None:
    (tensors_a, meta_a), (tensors_b, meta_b) = state(a), state(b)
    assert meta_a == meta_b
    assert tensors_a.keys() == tensors_b.keys()
    assert [name for name in tensors_a if not torch.equal(tensors_a[name], tensors_b[name])] == []


@pytest.fixture(scope="module")
def fitted(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> nfield.Run:
    return small_fit(photos, tmp_path_factory.mktemp("fit") / "run", max_steps=100)


def test_a_scene_is_exported_with_little_loss(
    fitted: nfield.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    before = fitted.evaluate()["mean"]["psnr"]
    assert main(["export", str(fitted.folder.path), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    # The occupancy grid is coarser, too; a cell lost would cost decibels.
    assert result["mean"]["psnr"] > before - 0.3
    assert result["bytes"] < 0.4 * result["parameter_bytes"]
    assert Path(result["out"]) == fitted.folder.path / "export" / "ngp.nfield"


def test_fit_learns_the_scene(fitted: nfield.Run) -> None:
    # A white image reaches 7 dB here, a ball of one colour 17 dB.
    assert fitted.evaluate()["mean"]["psnr"] > 20.0


def test_steps_in_two_parts_equal_all_at_once(photos: Path, tmp_path: Path) -> None:
    whole = small_fit(photos, tmp_path / "whole", max_steps=34)
    small_fit(photos, tmp_path / "parts", max_steps=17)
    parts = small_fit(photos, tmp_path / "parts", max_steps=34, resume=True)
    assert_same_state(whole, parts)


def test_stopped_run_continues_to_the_bit(photos: Path, tmp_path: Path) -> None:
    whole = small_fit(photos, tmp_path / "whole", max_steps=30)

    def stop(record: dict) -> None:
        if record["step"] == 11:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        small_fit(photos, tmp_path / "stopped", max_steps=30, on_step=stop)
    assert RunFolder.open(tmp_path / "stopped").meta()["step"] == 11
    assert_same_state(whole, small_fit(photos, tmp_path / "stopped", resume=True))


def test_spent_budget_does_no_step(photos: Path, fitted: nfield.Run) -> None:
    before = fitted.folder.checkpoint.read_bytes()
    steps: list[dict] = []
    small_fit(photos, fitted.folder.path, resume=True, on_step=steps.append)
    assert steps == []
    assert fitted.folder.checkpoint.read_bytes() == before


def test_opened_run_renders_what_was_fitted(fitted: nfield.Run) -> None:
    opened = nfield.open_run(fitted.folder.path)
    camera = opened.scene.splits["test"].cameras[0]
    a, b = fitted.render(camera), opened.render(camera)
    assert torch.equal(a.color, b.color)
    assert a.color.shape == (32, 32, 3)


def test_opened_run_keeps_the_bounds_it_was_fitted_in(fitted: nfield.Run, tmp_path: Path) -> None:
    opened = nfield.open_run(fitted.folder.path)
    opened.evaluate(every=3)
    opened.render_path(out=tmp_path / "frames", frames=1)
    assert opened.model.bounds.center == fitted.model.bounds.center
    assert "bounds" not in vars(opened.scene)  # they were never found anew


def test_metrics_say_what_was_judged(fitted: nfield.Run) -> None:
    result = fitted.evaluate("test", every=2, background="black")
    assert json.loads((fitted.folder.path / "eval" / "metrics.json").read_text()) == result
    assert [row["name"] for row in result["views"]] == ["test/0", "test/2"]
    assert result["background"] == [0.0, 0.0, 0.0]
    assert (result["step"], result["field"], result["seed"]) == (100, "ngp", 0)
    assert result["mean"]["lpips"] is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda run: run.evaluate("val"), "split must be one of train, test, got 'val'"),
        (lambda run: run.evaluate(background="red"), "must be one of white, black, got 'red'"),
        (lambda run: run.render_path("test", size=(8, 8)), "only an orbit has a free size"),
        (lambda run: run.render_path("test", frames=9), "must be from 1 to 3 on this path, got 9"),
        (lambda run: run.render_path(what="albedo"), "must be one of rgb, depth, normal"),
        (lambda run: run.render_path(out="x.gif"), "must be FILE.mp4 or a folder"),
        (lambda run: run.render_path("absent.json"), "absent.json: camera path must be a file"),
    ],
)
def test_wrong_requests_are_refused(fitted: nfield.Run, call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(fitted)


def test_run_without_a_checkpoint_says_how_to_continue(photos: Path, tmp_path: Path) -> None:
    RunFolder.plan(str(photos), {}, [], out=tmp_path / "run", resume=False).begin(0)
    with pytest.raises(InputError, match="run must have a checkpoint, got none; continue it"):
        _ = nfield.open_run(tmp_path / "run").model


@pytest.mark.parametrize("what", ["rgb", "depth", "normal"])
def test_paths_render_to_pictures_and_video(fitted: nfield.Run, what: str, tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg", reason="the extra `video` is absent")
    fitted.render_path("test", tmp_path / "frames", frames=2, what=what)
    assert sorted(os.listdir(tmp_path / "frames")) == ["0000.png", "0001.png"]
    video = fitted.render_path("orbit", tmp_path / "a.mp4", frames=3, size=(16, 16), what=what)
    assert video.stat().st_size > 0


def test_program_fits_evaluates_and_renders(photos: Path, tmp_path: Path, capsys) -> None:
    out = str(tmp_path / "run")
    options = ["--max-steps", "20", "--json", "--set", *SMALL]
    assert cli.main(["fit", *options, str(photos), "--out", out]) == 0
    assert json.loads(capsys.readouterr().out)["step"] == 20
    assert cli.main(["eval", out, "--json", "--every", "3"]) == 0
    assert len(json.loads(capsys.readouterr().out)["views"]) == 1
    assert cli.main(["eval", out]) == 0
    assert "mean" in capsys.readouterr().out
    frames = str(tmp_path / "frames")
    assert cli.main(["render", out, "--path", "train", "--frames", "1", "--out", frames]) == 0
    assert os.listdir(frames) == ["0000.png"]
    assert cli.main(["info", str(photos)]) == 0
    assert "12 views, 32x32" in capsys.readouterr().out


def test_program_refuses_to_overwrite_a_run(photos: Path, fitted: nfield.Run, capsys) -> None:
    assert cli.main(["fit", str(photos), "--out", str(fitted.folder.path)]) == 2
    assert "add --resume to continue it" in capsys.readouterr().err


@pytest.fixture
def running(photos: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The program fitting in a process of its own, its first step done."""
    options = ("--max-steps", "1000000", "--set", *SMALL, "train.checkpoint_seconds=0.05")
    with subprocess.Popen(
        [sys.executable, "-m", "nfield", "fit", str(photos), "--out", "run", *options],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    ) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("step"):
                break
        else:
            pytest.fail("".join(lines))
        yield process
        process.kill()


def test_interrupted_program_says_how_to_resume(running, photos: Path, tmp_path: Path) -> None:
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert f"nfield fit {photos} --out run --resume" in err
    assert RunFolder.open(tmp_path / "run").meta()["step"] >= 1


def test_killed_program_leaves_a_whole_checkpoint(running, photos: Path, tmp_path: Path) -> None:
    deadline = time.monotonic() + 60
    while not (tmp_path / "run" / "checkpoint.safetensors").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    running.kill()
    running.communicate()
    step = RunFolder.open(tmp_path / "run").meta()["step"]
    run = small_fit(photos, tmp_path / "run", resume=True, max_steps=step + 2)
    assert run.folder.meta()["step"] == step + 2
