"""Exports of runs, through Python and the program: places, options, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import nfield
from nfield import api, cli
from nfield.config import resolve
from nfield.errors import InputError
from nfield.export import baking
from nfield.fields.contract import Field
from nfield.fields.model import Model
from nfield.fields.value_model import ValueModel
from nfield.render.bounds import Bounds
from nfield.train.folder import RunFolder
from tests.targets import needs, write_mesh

needs("skimage", "scipy", "trimesh", "OpenEXR")
import trimesh  # noqa: E402 - an extra


class Ball(Field):
    """The ball that the photos show, where the scene's bounds have it."""

    def __init__(self, bounds: Bounds):
        super().__init__()
        self.center, self.half = torch.tensor(bounds.center), bounds.half_size

    def features(self, x: Tensor) -> Tensor:
        return (2 * x - 1) * self.half + self.center

    def density(self, h: Tensor) -> Tensor:
        return 25 * (40 * (1 - h.norm(dim=1)) / self.half).exp()

    def color(self, h: Tensor, d: Tensor) -> Tensor:
        return torch.full((len(h), 3), 0.5)


class Torus(Field):
    """The distance to the torus of the tests, in its unit cube: its longest side, 6, is 0.9."""

    def forward(self, x: Tensor) -> Tensor:
        x, y, z = ((x - 0.5) * 6 / 0.9).unbind(1)
        return (((x.hypot(y) - 2).hypot(z) - 1) * 0.9 / 6)[:, None]


def run_of(data: Path, out: Path, model: type[Model | ValueModel], *size: object) -> nfield.Run:
    """A run that was never fitted."""
    config = resolve(str(data), {}, ["model.log2_table=8"])
    run = nfield.Run(RunFolder.create(out, config))
    run.model = model(config, *(size or (run.data.bounds,)))
    return run


@pytest.fixture(scope="module")
def scene_run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> nfield.Run:
    run = run_of(photos, tmp_path_factory.mktemp("runs") / "ball", Model)
    run.model.field = Ball(run.model.bounds)
    return run


@pytest.fixture(scope="module")
def shape_run(tmp_path_factory: pytest.TempPathFactory) -> nfield.Run:
    folder = tmp_path_factory.mktemp("shape")
    run = run_of(write_mesh(folder), folder / "run", ValueModel, 1)
    run.model.field = Torus()
    return run


@pytest.fixture
def program(scene_run: nfield.Run, monkeypatch) -> Callable[..., int]:
    """`nfield export RUN --what ...` of the scene's run."""
    monkeypatch.setattr(api, "open_run", lambda path: scene_run)
    return lambda *argv: cli.main(["export", "RUN", "--what", *argv])


def test_a_scene_s_glb_has_its_bounds_with_y_up(scene_run: nfield.Run) -> None:
    result = scene_run.export(what="mesh", resolution=48)
    place = scene_run.folder.path / "export" / "mesh.glb"
    assert result["out"] == str(place) and result["bytes"] == place.stat().st_size
    read = trimesh.load(place)
    assert result["faces"] == sum(len(part.faces) for part in read.geometry.values())
    assert read.bounds == pytest.approx(np.array([[-1] * 3, [1] * 3]), abs=0.01)


def test_a_shape_returns_to_its_own_frame(shape_run: nfield.Run, tmp_path: Path) -> None:
    shape_run.export(tmp_path / "torus.glb", what="mesh", resolution=64)
    truth = np.array([[-3, -3, -1], [3, 3, 1]])
    assert trimesh.load(tmp_path / "torus.glb").bounds == pytest.approx(truth, abs=0.02)
    result = shape_run.export(tmp_path / "voxels.npz", what="voxels", resolution=16)
    assert result["voxels"] == "16x16x16"
    voxels = np.load(tmp_path / "voxels.npz")
    index = np.stack(np.meshgrid(*[np.arange(16)] * 3, indexing="ij"), -1)
    x, y, z = np.moveaxis(voxels["low"] + (index + 0.5) * voxels["voxel"], -1, 0)
    distance = np.hypot(np.hypot(x, y) - 2, z) - 1
    assert voxels["distance"] == pytest.approx(distance, abs=1e-5)


def test_the_program_writes_what_python_does(
    scene_run: nfield.Run, program: Callable[..., int], tmp_path: Path, capsys
) -> None:
    out = tmp_path / "orbit.json"
    argv = ["cameras", "--path", "orbit", "--frames", "4", "--json", "--out", str(out)]
    assert program(*argv) == 0
    assert json.loads(capsys.readouterr().out)["cameras"] == 4
    scene_run.export(tmp_path / "again.json", what="cameras", path="orbit", frames=4)
    assert out.read_bytes() == (tmp_path / "again.json").read_bytes()
    scene_run.export(tmp_path / "few.json", what="cameras", path="train", frames=3)
    assert len(json.loads((tmp_path / "few.json").read_text())["frames"]) == 3
    corners = [*["-1"] * 3, *["1"] * 3]
    assert program("voxels", "--resolution", "8", "--box", *corners) == 0
    voxels = np.load(scene_run.folder.path / "export" / "voxels.npz")
    assert voxels["low"] == pytest.approx([-1] * 3) and voxels["voxel"] == 0.25


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["film"], "--what: a scene can be written as compressed, mesh, points, depth"),
        (["mesh", "--count", "9"], "--count: mesh of a scene has no such choice, got 9"),
        (["mesh", "--out", "a.stl"], "a.stl: the name of a mesh must end in .glb, .obj, .ply"),
        (["mesh", "--out", "file/a.ply"], "file/a.ply: must be a place that can be written to"),
        (["mesh", "--threshold", "-1"], "--threshold: density must be above 0, got -1"),
        (
            ["mesh", "--threshold", "1e20", "--resolution", "16"],
            "density must reach the threshold 1e+20 somewhere",
        ),
        (["mesh", "--resolution", "9999999"], "must fit into the"),
        (["depth", "--path", "absent.json"], "absent.json: camera path must be a file"),
        (["depth", "--format", "tga"], "--format: must be one of exr, png"),
        (["voxels", "--out", "a.vdb", "--resolution", "8"], "OpenVDB's library cannot"),
    ],
)
def test_wrong_input_is_one_sentence(
    argv: list[str], message: str, program: Callable[..., int], tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert program(*argv) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("nfield: ") and message in last
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_scene_becomes_a_page_and_a_shape_does_not(
    scene_run: nfield.Run, shape_run: nfield.Run, monkeypatch
) -> None:
    for name, value in (("SEEN_RAYS", 256), ("SEEN_ROUNDS", 1), ("RAYS", 64), ("STEPS", 1)):
        monkeypatch.setattr(baking, name, value)
    result = scene_run.export(what="web", resolution=16)
    place = scene_run.folder.path / "export" / "ngp.html"
    assert result["out"] == str(place) and result["bytes"] == place.stat().st_size
    assert place.read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(InputError, match="a shape can be written as .*, got 'web'"):
        shape_run.export(what="web")
