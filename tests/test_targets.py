"""Images, shapes and videos from end to end, through Python and through the program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import nfield
from nfield import cli
from nfield.data.clip import load_clip
from nfield.errors import InputError
from nfield.run import load_compressed
from nfield.train.folder import RunFolder
from tests.targets import FRAMES, HEIGHT, WIDTH, needs, write_clip, write_mesh, write_picture

SMALL = (
    *("model.levels=6", "model.log2_table=12", "model.finest_resolution=64"),
    *("model.width=32", "train.samples=2048"),
)
NEEDS = {"shape": "open3d", "video": "imageio_ffmpeg"}


@pytest.fixture(autouse=True)
def small_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nfield.data.mesh.POOL", 1 << 14)


@pytest.fixture(scope="module", params=["image", "shape", "video"])
def data(request, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param in NEEDS:
        needs(NEEDS[request.param])
    write = {"image": write_picture, "shape": write_mesh, "video": write_clip}[request.param]
    return write(tmp_path_factory.mktemp(request.param))


def fit(data: Path, out: Path, **options) -> nfield.Run:
    return nfield.fit(data, out=out, set=SMALL, **options)


@pytest.fixture(scope="module")
def image_run(tmp_path_factory: pytest.TempPathFactory) -> nfield.Run:
    folder = tmp_path_factory.mktemp("image")
    return fit(write_picture(folder), folder / "run", max_steps=400)


@pytest.fixture(scope="module")
def shape_run(tmp_path_factory: pytest.TempPathFactory) -> nfield.Run:
    needs("open3d")
    folder = tmp_path_factory.mktemp("shape")
    return fit(write_mesh(folder), folder / "run", max_steps=400)


@pytest.fixture(scope="module")
def video_run(tmp_path_factory: pytest.TempPathFactory) -> nfield.Run:
    needs("imageio_ffmpeg")
    folder = tmp_path_factory.mktemp("video")
    return fit(write_clip(folder), folder / "run", max_steps=400)


def pixels(file: Path) -> np.ndarray:
    with Image.open(file) as picture:
        return np.asarray(picture)


def state(run: nfield.Run) -> tuple[dict[str, torch.Tensor], dict]:
    tensors, meta = run.folder.load() or ({}, {})
    return tensors, {key: value for key, value in meta.items() if key != "seconds"}


def test_stopped_runs_continue_to_the_bit(data: Path, tmp_path: Path) -> None:
    whole = fit(data, tmp_path / "whole", max_steps=20)

    def stop(record: dict) -> None:
        if record["step"] == 7:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(data, tmp_path / "parts", max_steps=20, on_step=stop)
    assert RunFolder.open(tmp_path / "parts").meta()["step"] == 7
    parts = fit(data, tmp_path / "parts", resume=True)
    (a, meta_a), (b, meta_b) = state(whole), state(parts)
    assert meta_a == meta_b and a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []


def test_an_image_is_fitted_judged_and_rendered(image_run: nfield.Run, tmp_path: Path) -> None:
    result = image_run.evaluate()
    assert result["protocol"] == "nfield-image-1"
    # The mean colour reaches 13 dB here.
    assert result["mean"]["psnr"] > 28
    assert json.loads((image_run.folder.path / "eval" / "metrics.json").read_text()) == result
    own = image_run.render_path()
    assert own == image_run.folder.path / "renders" / f"{WIDTH}x{HEIGHT}.png"
    large = image_run.render_path(out=tmp_path / "large.png", size=(2 * WIDTH, 2 * HEIGHT))
    half = Image.fromarray(pixels(large)).reduce(2)
    assert np.abs(np.asarray(half).astype(int) - pixels(own)).mean() < 8


def test_an_image_is_exported_with_little_loss(image_run: nfield.Run, tmp_path: Path) -> None:
    before = image_run.evaluate()["mean"]["psnr"]
    result = image_run.export(tmp_path / "image.nfield")
    assert result["bytes"] == (tmp_path / "image.nfield").stat().st_size
    assert result["bytes"] < 0.4 * result["parameter_bytes"]
    assert result["parameters"] == image_run.model.size()["parameters"]
    # What eight bits a value lose is far below what people see, here beside a perfect fit.
    assert 45 < result["mean"]["psnr"] < before
    config, model = load_compressed(tmp_path / "image.nfield")
    assert config == image_run.config and model.size() == image_run.model.size()
    with pytest.raises(InputError, match="an image can be written as compressed, got 'mesh'"):
        image_run.export(what="mesh")
    with pytest.raises(
        InputError, match=r"absent\.nfield: must be a compressed model, got no file"
    ):
        load_compressed(tmp_path / "absent.nfield")


def test_an_opened_image_run_has_the_same_values(image_run: nfield.Run) -> None:
    opened = nfield.open_run(image_run.folder.path)
    x = torch.rand(50, 2)
    assert torch.equal(opened.values(x), image_run.values(x))
    assert opened.kind == "image" and opened.data.pixels.shape == (HEIGHT, WIDTH)


def test_a_grey_image_stays_grey(tmp_path: Path) -> None:
    run = fit(write_picture(tmp_path, mode="L"), tmp_path / "run", max_steps=3)
    assert run.values(torch.rand(5, 2)).shape == (5, 1)
    assert run.evaluate()["mean"]["psnr"] > 0
    assert pixels(run.render_path()).shape == (HEIGHT, WIDTH)


def test_a_shape_is_fitted_judged_and_rendered(shape_run: nfield.Run, tmp_path: Path) -> None:
    mean = shape_run.evaluate()["mean"]
    assert mean["iou"] > 0.95
    assert mean["chamfer"] < 0.01
    assert mean["normal_error"] < 15
    surface = shape_run.surface()
    assert surface is not None
    back = (surface.vertices - 0.5) / shape_run.data.scale + shape_run.data.center
    assert np.abs(back.max(0) - [3, 3, 1]).max() < 0.1
    frames = shape_run.render_path(out=tmp_path / "frames", frames=2, size=(40, 30))
    assert sorted(os.listdir(frames)) == ["0000.png", "0001.png"]
    picture = pixels(frames / "0000.png")
    assert picture.shape == (30, 40, 3) and len(np.unique(picture)) > 20
    depth = shape_run.render_path(out=tmp_path / "depth", frames=1, what="depth", size=(40, 30))
    assert pixels(depth / "0000.png").dtype == np.uint16


def test_a_video_is_fitted_judged_and_rendered(video_run: nfield.Run, tmp_path: Path) -> None:
    result = video_run.evaluate(every=5)
    assert [row["name"] for row in result["views"]] == ["frame 0000", "frame 0005"]
    assert result["mean"]["psnr"] > 24
    own = load_clip(str(video_run.render_path()))
    assert own.frames.shape == (FRAMES, HEIGHT, WIDTH) and own.fps == 12
    out = video_run.render_path(out=tmp_path / "slow.mp4", frames=3 * FRAMES, size=(24, 20))
    slow = load_clip(str(out))
    assert slow.frames.shape == (3 * FRAMES, 20, 24) and slow.fps == 36


def test_a_mesh_with_holes_has_an_unsigned_field(tmp_path: Path) -> None:
    needs("open3d")
    file = write_mesh(tmp_path, faces=slice(0, -20))
    with pytest.raises(InputError, match="fit the unsigned distance with --set distance=unsigned"):
        fit(file, tmp_path / "run", max_steps=5)
    assert not (tmp_path / "run").exists()
    run = nfield.fit(file, out=tmp_path / "run", max_steps=300, set=[*SMALL, "distance=unsigned"])
    mean = run.evaluate()["mean"]
    assert mean["iou"] is None and mean["chamfer"] < 0.05


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda run: run.evaluate("test"), "--split: an image has no such choice, got 'test'; rem"),
        (lambda run: run.evaluate(every=2), "--every: an image has no such choice, got 2"),
        (lambda run: run.render_path("orbit"), "--path: an image has no such choice"),
        (lambda run: run.render_path(what="depth"), "--what: an image has no such choice"),
        (lambda run: run.render_path(frames=3), "--frames: an image has no such choice"),
        (lambda run: run.render_path(size=(0, 5)), "sides must be from 1 to 16384 pixels, got 0x5"),
        (lambda run: run.render_path(out="x.jpg"), "a picture's name must end in .png"),
        (lambda run: run.views(), "must be a run of a scene, got one of an image"),
        (lambda run: run.surface(), "must be a run of a shape, got one of an image"),
    ],
)
def test_choices_of_other_kinds_are_refused(image_run: nfield.Run, call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(image_run)


def test_a_scene_has_no_values(photos: Path, tmp_path: Path) -> None:
    RunFolder.plan(str(photos), {}, [], out=tmp_path / "run", resume=False).begin(0)
    with pytest.raises(InputError, match="an image or a shape or a video, got one of a scene"):
        nfield.open_run(tmp_path / "run").values(torch.rand(3, 3))


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--background", "black"], "background: a shape has none"),
        (["--downscale", "2"], "downscale: a shape has none"),
    ],
)
def test_options_of_other_kinds_are_refused(tmp_path: Path, capsys, argv, message: str) -> None:
    mesh = write_mesh(tmp_path)
    assert cli.main(["fit", str(mesh), "--out", str(tmp_path / "run"), *argv]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_signed_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="distance: an image has none"):
        nfield.load(str(write_picture(tmp_path)), distance="unsigned")


def test_the_program_fits_judges_and_renders(data: Path, tmp_path: Path, capsys) -> None:
    out = str(tmp_path / "run")
    options = ["--max-steps", "60", "--json", "--set", *SMALL]
    assert cli.main(["fit", *options, str(data), "--out", out]) == 0
    done = capsys.readouterr()
    assert json.loads(done.out)["step"] == 60
    assert "points/s" in done.err
    assert cli.main(["eval", out]) == 0
    told = capsys.readouterr().out
    assert "nfield-" in told and "parameters" in told and "bytes" in told
    assert cli.main(["info", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fitted_to"] in ("image", "distance", "video")
    small = [] if data.suffix == ".png" else ["--frames", "2"]
    assert cli.main(["render", out, "--size", "32", "24", *small]) == 0
    assert Path(capsys.readouterr().out.strip()).stat().st_size > 0


@pytest.mark.parametrize(
    ("write", "want"),
    [
        (write_picture, {"kind": "image", "size": f"{WIDTH}x{HEIGHT}", "channels": 3}),
        (write_mesh, {"kind": "shape", "triangles": 2304, "size": "6, 6, 2", "notes": []}),
        (write_clip, {"kind": "video", "frames": FRAMES, "fps": 12.0, "seconds": 0.5}),
    ],
)
def test_info_says_what_it_is(tmp_path: Path, capsys, write, want: dict) -> None:
    needs("trimesh")
    needs("imageio_ffmpeg")
    file = write(tmp_path)
    assert cli.main(["info", str(file), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values | want == values
    assert cli.main(["info", str(file)]) == 0
    assert file.name in capsys.readouterr().out


def test_the_program_says_what_it_did_to_the_input(tmp_path: Path, capsys) -> None:
    image = np.full((16, 16, 4), 100, np.uint8)
    Image.fromarray(image).save(tmp_path / "alpha.png")
    argv = ["fit", str(tmp_path / "alpha.png"), "--out", str(tmp_path / "run"), "--max-steps", "1"]
    assert cli.main([*argv, "--set", *SMALL]) == 0
    assert "Note: transparency was composited on white" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["photo.png", "torus.obj", "clip.mp4"])
def test_absent_files_are_one_sentence_and_2(tmp_path: Path, capsys, name: str) -> None:
    assert cli.main(["fit", str(tmp_path / name), "--out", str(tmp_path / "run")]) == 2
    err = capsys.readouterr().err
    assert f"{name}: " in err and "must be a file, got none" in err


def test_runs_are_named_after_the_file(tmp_path: Path) -> None:
    plan = RunFolder.plan(str(tmp_path / "photo.png"), {}, [], out=None, resume=False)
    assert plan.path == Path("runs/photo-hash-image")


def test_a_killed_program_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    photo = write_picture(tmp_path)
    options = ("--max-steps", "1000000", "--set", *SMALL, "train.checkpoint_seconds=0.05")
    with subprocess.Popen(
        [sys.executable, "-m", "nfield", "fit", str(photo), "--out", "run", *options],
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    ) as process:
        while not (tmp_path / "run" / "checkpoint.safetensors").exists():
            assert process.poll() is None
        process.kill()
    step = RunFolder.open(tmp_path / "run").meta()["step"]
    run = fit(photo, tmp_path / "run", resume=True, max_steps=step + 2)
    assert run.folder.meta()["step"] == step + 2
