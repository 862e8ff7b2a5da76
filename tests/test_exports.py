"""Exports of runs, through Python and the program: places, options, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import nfield
from nfield import cli
from tests.targets import needs, write_mesh

needs("skimage", "trimesh", "open3d")
import trimesh  # noqa: E402 - an extra


@pytest.fixture(scope="module")
def scene_run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> nfield.Run:
    out = tmp_path_factory.mktemp("runs") / "ball"
    small = ["model.log2_table=12", "train.samples=4096"]
    return nfield.fit(photos, out=out, max_steps=120, set=small)


@pytest.fixture(scope="module")
def shape_run(tmp_path_factory: pytest.TempPathFactory) -> nfield.Run:
    folder = tmp_path_factory.mktemp("shape")
    small = ["model.log2_table=12", "train.samples=4096"]
    return nfield.fit(write_mesh(folder), out=folder / "run", max_steps=150, set=small)


def test_a_scene_s_glb_has_its_bounds_with_y_up(scene_run: nfield.Run) -> None:
    result = scene_run.export(what="mesh", resolution=48)
    place = scene_run.folder.path / "export" / "mesh.glb"
    assert result["out"] == str(place) and result["bytes"] == place.stat().st_size
    read = trimesh.load(place)
    assert result["faces"] == sum(len(part.faces) for part in read.geometry.values())
    # A unit ball at the origin, fitted for a few steps, with y and z exchanged.
    assert read.bounds == pytest.approx(np.array([[-1] * 3, [1] * 3]), abs=0.2)


def test_a_shape_returns_to_its_own_frame(shape_run: nfield.Run, tmp_path: Path) -> None:
    shape_run.export(tmp_path / "torus.glb", what="mesh", resolution=64)
    truth = np.array([[-3, -3, -1], [3, 3, 1]])
    assert trimesh.load(tmp_path / "torus.glb").bounds == pytest.approx(truth, abs=0.3)
    result = shape_run.export(tmp_path / "voxels.npz", what="voxels", resolution=16)
    assert result["voxels"] == "16x16x16"
    voxels = np.load(tmp_path / "voxels.npz")
    # The middle of the torus's hole is 1 from it.
    assert voxels["distance"][7:9, 7:9, 7:9].mean() == pytest.approx(1, abs=0.3)


def test_the_program_writes_what_python_does(scene_run: nfield.Run, tmp_path: Path, capsys) -> None:
    run, out = str(scene_run.folder.path), tmp_path / "orbit.json"
    argv = ["export", run, "--what", "cameras", "--path", "orbit", "--frames", "4", "--json"]
    assert cli.main([*argv, "--out", str(out)]) == 0
    assert json.loads(capsys.readouterr().out)["cameras"] == 4
    scene_run.export(tmp_path / "again.json", what="cameras", path="orbit", frames=4)
    assert out.read_bytes() == (tmp_path / "again.json").read_bytes()
    scene_run.export(tmp_path / "few.json", what="cameras", path="train", frames=3)
    assert len(json.loads((tmp_path / "few.json").read_text())["frames"]) == 3


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["web"], "--what: a scene can be written as compressed, mesh, points, depth"),
        (["mesh", "--count", "9"], "--count: mesh of a scene has no such choice, got 9"),
        (["mesh", "--out", "a.stl"], "a.stl: the name of a mesh must end in .glb, .obj, .ply"),
        (["mesh", "--out", "file/a.ply"], "file/a.ply: must be a place that can be written to"),
        (["mesh", "--threshold", "-1"], "--threshold: density must be above 0, got -1"),
        (["mesh", "--threshold", "1e20"], "density must reach the threshold 1e+20 somewhere"),
        (["mesh", "--resolution", "9999999"], "must fit into the"),
        (["depth", "--path", "absent.json"], "absent.json: camera path must be a file"),
        (["depth", "--format", "tga"], "--format: must be one of exr, png"),
        (["voxels", "--out", "a.vdb", "--resolution", "8"], "OpenVDB's library cannot"),
    ],
)
def test_wrong_input_is_one_sentence(
    argv: list[str], message: str, scene_run: nfield.Run, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert cli.main(["export", str(scene_run.folder.path), "--what", *argv]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("nfield: ") and message in last
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
