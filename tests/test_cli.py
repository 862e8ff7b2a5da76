"""The program: quick help without torch, exit codes, one sentence for wrong input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nfield import cli, doctor
from nfield.config import resolve
from nfield.train.folder import RunFolder

REPOSITORY = Path(__file__).parent.parent


def run(*argv: str, cwd: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nfield", *argv], capture_output=True, text=True, cwd=cwd
    )


@pytest.mark.parametrize("argv", [["--help"], ["fit", "--help"], ["render", "--help"]])
def test_help_does_not_import_torch(argv: list[str]) -> None:
    script = (
        "import sys; from nfield.cli import main\n"
        f"try: main({argv!r})\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'numpy', 'imageio', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY
    )
    assert done.returncode == 0, done.stderr
    assert "nfield" in done.stdout


def test_help_names_all_verbs() -> None:
    text = run("--help").stdout
    assert all(verb in text for verb in ("fit", "eval", "render", "info", "data", "doctor"))


@pytest.mark.parametrize("argv", [[], ["fly"], ["fit"], ["eval", "run", "--every", "x"]])
def test_wrong_usage_exits_with_2(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(argv)
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["info", "absent"], "absent: must be a folder"),
        (["info", "broken.toml"], "broken.toml: file must be TOML"),
        (["eval", "absent"], "absent: run must be a folder that `nfield fit` made"),
        (["render", "photos"], "photos: run must be a folder that `nfield fit` made"),
        (["fit", "absent"], "absent: must be a folder"),
        (["fit", "photos"], "photos: must hold transforms"),
        (["fit", "photos", "--resume", "--out", "photos"], "photos: run must be a folder"),
        (["fit", "photos", "--field", "nerv"], "field: name must be one of"),
        (["fit", "photos", "--set", "train.smaples=1"], "(nearest: train.samples"),
        (["fit", "photos", "--max-steps", "1", "--max-seconds", "1"], "got both"),
        (["fit", "photos", "--downscale", "0"], "downscale must be an integer > 0"),
        (["data", "convert", "absent", "new"], "absent: must be a folder"),
        (["data", "convert", "builtin:matte", "new"], "must lie in a folder to be converted"),
        (["data", "poses", "photos"], "photos: must hold photos, got none"),
        (["info", "builtin:matte", "--layout", "a.png"], "layout must be an SVG file"),
        (["fit", "photos", "--device", "tpu"], "device must be one of auto, cpu, cuda"),
    ],
)
def test_wrong_input_is_one_sentence_and_2(
    argv: list[str], message: str, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "broken.toml").write_text("data = ")
    assert cli.main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    last = err.splitlines()[-1]
    assert last.startswith("nfield: ")
    assert message in last
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["broken.toml", "photos"]


def test_options_have_no_order() -> None:
    spread = cli._spread(["fit", "--set", "seed=1", "train.samples=2", "photos", "--resume"])
    assert spread == ["fit", "--set", "seed=1", "--set", "train.samples=2", "photos", "--resume"]


def test_unwritable_place_is_one_sentence_and_2(capsys, monkeypatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied", "/root/run")

    monkeypatch.setitem(cli.VERBS, cli.Info, refuse)
    assert cli.main(["info", "x"]) == 2
    assert capsys.readouterr().err == "nfield: /root/run: Permission denied\n"


def test_info_of_a_run_is_json(tmp_path: Path, capsys) -> None:
    folder = RunFolder.create(tmp_path / "run", resolve("builtin:matte", {"max_steps": 5}))
    folder.log({"step": 5, "psnr": 20.0})
    assert cli.main(["info", str(folder.path), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["kind"], values["field"], values["budget"]) == ("run", "ngp", "5 steps")
    assert values["train_psnr"] == 20.0


def test_doctor_says_what_runs_here(capsys, monkeypatch) -> None:
    assert cli.main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["native"]["threads"] >= 1
    assert report["native"]["isa"] in ("baseline", "v2", "v3", "v4", "amx")
    assert set(report["extras"]) == {"video", "mesh", "maps", "colmap", "viewer", "log", "cluster"}
    monkeypatch.setitem(doctor.EXTRAS, "log", ("no_such_module", "nothing"))
    assert cli.main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert report["versions"]["torch"] in shown and '"nfield-engine[log]"' in shown
