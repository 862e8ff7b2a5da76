"""`nfield info` of a scene: its views, its bounds, and what looks wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from nfield import cli


def test_info_of_a_sound_scene_has_no_warnings(photos: Path, capsys) -> None:
    assert cli.main(["info", str(photos), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["train"] == "12 views, 32x32, opencv lens, alpha"
    assert values["warnings"] == []
    assert (values["format"], values["units"]) == ("Blender / NeRF-Synthetic", "the poses' own")
    assert values["field_of_view"] == "40.1 degrees"  # 0.7 radians


def test_info_draws_the_cameras(photos: Path, tmp_path: Path, capsys) -> None:
    out = str(tmp_path / "cameras.svg")
    assert cli.main(["info", str(photos), "--layout", out, "--downscale", "2", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["layout"], values["test"]) == (out, "3 views, 16x16, opencv lens, alpha")
    assert "train: 12" in Path(out).read_text()


def test_choices_that_data_do_not_have_are_refused(photos: Path, capsys) -> None:
    image = str(photos / "train" / "0.png")
    assert cli.main(["info", image, "--layout", "a.svg"]) == 2
    assert "only a scene has cameras to draw, got an image" in capsys.readouterr().err
    assert cli.main(["info", "a.obj", "--downscale", "2"]) == 2
    assert "data must have images of their own, got a shape" in capsys.readouterr().err


def test_info_prints_warnings(photos: Path, tmp_path: Path, capsys) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    shutil.copy(folder / "train" / "0.png", folder / "train" / "1.png")
    warning = "1 group of frames with the same image: train/0 = train/1"
    assert cli.main(["info", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == [warning]
    assert cli.main(["info", str(folder)]) == 0
    assert warning in capsys.readouterr().out
