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


def test_info_prints_warnings(photos: Path, tmp_path: Path, capsys) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    shutil.copy(folder / "train" / "0.png", folder / "train" / "1.png")
    warning = "1 group of frames with the same image: train/0 = train/1"
    assert cli.main(["info", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == [warning]
    assert cli.main(["info", str(folder)]) == 0
    assert warning in capsys.readouterr().out
