"""Several ranks fit as one does: equal gradients, equal bits on all, one run folder, one end."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from nfield import cli
from nfield.errors import InputError
from nfield.train.folder import RunFolder
from nfield.train.ranks import ALONE, Ranks, started
from tests.targets import write_picture
from tests.train.rank import NETWORK, STEPS, WARM, config, steps, warm_folder

REPOSITORY = Path(__file__).parents[2]


def free_port() -> str:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return str(any_port.getsockname()[1])


@dataclass(frozen=True)
class Pair:
    """What two ranks left in a folder, and what they were given."""

    folder: Path
    data: tuple[str, ...]

    def left(self, name: str, data: str, rank: int) -> tuple[dict[str, torch.Tensor], list[Any]]:
        place = self.folder / f"{name}-{Path(data).name}-{rank}"
        return load_file(f"{place}.safetensors"), json.loads(Path(f"{place}.json").read_text())


@pytest.fixture(scope="module")
def pair(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Two processes on this machine, a thread each."""
    folder = tmp_path_factory.mktemp("pair")
    data = (str(photos), str(write_picture(folder)))
    for name in data:
        run = warm_folder(folder, name)
        trainer_state = warm_state(name)
        run.begin(0)
        run.save(*trainer_state)
        run.close()
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": "2"}
    ranks = []
    try:
        for rank in ("0", "1"):
            place |= {"RANK": rank, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": "2"}
            argv = [sys.executable, "-m", "tests.train.rank", str(folder), *data]
            ranks.append(subprocess.Popen(argv, cwd=REPOSITORY, env=os.environ | place))
        assert [rank.wait(timeout=300) for rank in ranks] == [0, 9]
    finally:
        for process in ranks:
            process.kill()
            process.wait()
    return Pair(folder, data)


def warm_state(data: str) -> Any:
    from nfield.data.load import load_configured
    from nfield.train.trainer import Trainer

    trainer = Trainer(load_configured(config(data)), config(data))
    for _ in range(WARM):
        trainer.train_step()
    return trainer.state()


@pytest.mark.parametrize("which", [0, 1], ids=["scene", "image"])
def test_half_and_half_is_the_whole_step(pair: Pair, which: int) -> None:
    data = pair.data[which]
    alone, (record,) = steps(data, ALONE, warm_folder(pair.folder, data).require(), 1)
    ours, (shared,) = pair.left("one", data, 0)
    # The same rays and points, exactly; sums of thousands of float32 terms in another order.
    for key in {"rays", "samples", "points"} & record.keys():
        assert shared[key] == record[key]
    assert shared["loss"] == pytest.approx(record["loss"], rel=1e-5)
    assert shared["psnr"] == pytest.approx(record["psnr"], abs=1e-4)
    names = [name for name in alone if name.startswith("gradient")]
    assert names
    for name in names:
        largest = float(alone[name].abs().max())
        torch.testing.assert_close(ours[name], alone[name], rtol=0, atol=1e-5 * largest)
    if which == 0:
        assert torch.equal(ours["model.occupancy.thickness"], alone["model.occupancy.thickness"])


def test_many_steps_are_those_of_one_rank(pair: Pair) -> None:
    """Adam steps by the sign where a gradient is next to nothing, so bits differ; losses do not."""
    for data, tolerance in zip(pair.data, (0.5, 0.02), strict=True):
        _, records = steps(data, ALONE, None, STEPS)
        _, ours = pair.left("many", data, 0)
        assert ours[0]["loss"] == pytest.approx(records[0]["loss"], rel=1e-5)
        assert records[-1]["psnr"] > records[0]["psnr"] + 2
        # Of a scene, the number of rays follows that of samples, and one more makes another batch.
        assert ours[-1]["psnr"] == pytest.approx(records[-1]["psnr"], abs=tolerance)


def test_all_ranks_hold_the_same_bits(pair: Pair) -> None:
    for data in pair.data:
        (first, log), (second, other) = (pair.left("many", data, rank) for rank in range(2))
        assert first.keys() == second.keys() and log == other
        assert all(torch.equal(first[name], second[name]) for name in first)


def test_interrupting_one_rank_stops_all_and_saves(pair: Pair) -> None:
    assert all((pair.folder / f"interrupted-{rank}").exists() for rank in range(2))
    meta = RunFolder.open(pair.folder / "interrupted").meta()
    assert meta is not None and meta["step"] == 7


def test_a_lost_rank_ends_the_others(pair: Pair) -> None:
    message = (pair.folder / "lost.txt").read_text()
    assert "all processes of a fit must go on, got one that ended" in message


def test_ranks_that_begin_differently_are_refused(pair: Pair) -> None:
    for rank in range(2):
        message = (pair.folder / f"unlike-{rank}.txt").read_text()
        assert "the number must be the same in all processes, got another in rank 1" in message


def torchrun(count: int, *argv: str) -> subprocess.CompletedProcess[str]:
    how = ["--master-port", free_port(), f"--nproc-per-node={count}"]
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *how, "-m", "nfield", *argv],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_torchrun_fits_one_run_that_one_rank_resumes(tmp_path: Path, capsys) -> None:
    photo, out, whole = str(write_picture(tmp_path)), tmp_path / "run", tmp_path / "whole"
    settings = ["--set", *NETWORK, "train.samples=1024", "train.decay_steps=40"]
    done = torchrun(2, "fit", photo, "--out", str(out), "--max-steps", "20", "--json", *settings)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["step"] == 20  # one rank speaks
    assert done.stderr.count("Fitting hash-image") == 1
    shutil.copytree(out, tmp_path / "copy")
    for place, more in ((out, ["--resume"]), (whole, settings)):
        argv = ["fit", photo, "--out", str(place), "--max-steps", "40", *more]
        assert cli.main(argv) == 0
    resumed, alone = (RunFolder.open(place).records()[-1] for place in (out, whole))
    assert resumed["step"] == alone["step"] == 40
    assert resumed["psnr"] == pytest.approx(alone["psnr"], abs=0.05)


def test_other_verbs_are_refused(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, who in (("0", "nfield: "), ("1", "nfield (rank 1): ")):
        monkeypatch.setenv("RANK", rank)
        assert cli.main(["eval", "run"]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err == (
            f"{who}torchrun: only nfield fit runs in several processes, got 2 for another "
            "command; start it without torchrun\n"
        )


def test_without_torchrun_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert started() == ALONE
    assert ALONE.sum(0.1, 2) == [0.1, 2]


@given(st.integers(1, 9), st.integers(0, 200))
def test_shares_are_all_rows_in_order(count: int, more: int) -> None:
    total = count + more
    shares = [list(range(total))[Ranks(rank, count).share(total)] for rank in range(count)]
    assert [row for share in shares for row in share] == list(range(total))
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1


def test_fewer_rows_than_ranks_are_refused() -> None:
    with pytest.raises(InputError, match="a batch must have a row for each process, got 3 for 4"):
        Ranks(0, 4).share(3)
