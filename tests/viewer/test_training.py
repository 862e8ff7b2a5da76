"""Training with a viewer: the same result, paused and resumed from outside."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import torch

from nfield.api import begin
from nfield.train.folder import RunFolder
from nfield.viewer.painter import Painter
from nfield.viewer.training import Training
from tests.viewer.conftest import SMALL

STEPS = 40


class Restless:
    """A work that always wants to be done."""

    def __init__(self) -> None:
        self.seconds = 0.0

    urgency = 0

    def advance(self, seconds: float, share: float = 1.0) -> None:
        time.sleep(min(seconds, 0.005))
        self.seconds += min(seconds, 0.005)

    def fail(self) -> None:
        raise AssertionError


def training(
    photos: Path, out: Path, painter: Painter, share: float = 0.5
) -> tuple[Training, RunFolder]:
    trainer, folder, _ = begin(str(photos), out=out, max_steps=STEPS, set=SMALL)
    return Training(trainer, folder, painter, share=share, tick=lambda: None), folder


def test_a_fit_that_is_watched_and_paused_ends_with_the_same_bits(
    photos: Path, tmp_path: Path
) -> None:
    alone, folder = training(photos, tmp_path / "alone", Painter())
    alone.running.set()
    alone.run()
    folder.close()

    painter, work = Painter(), Restless()
    painter.add(work)
    watched, folder = training(photos, tmp_path / "watched", painter)
    worker = threading.Thread(target=watched.run)
    worker.start()
    time.sleep(0.1)
    assert watched.record["step"] == 0  # it waits for the page
    for _ in range(3):
        watched.running.set()
        time.sleep(0.05)
        watched.running.clear()
        time.sleep(0.02)
    watched.running.set()
    worker.join(60)
    folder.close()
    assert watched.over and watched.record["step"] == STEPS
    assert work.seconds > 0
    ours, theirs = alone.trainer.state()[0], watched.trainer.state()[0]
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_pausing_saves_and_so_does_the_page(photos: Path, tmp_path: Path) -> None:
    paused, folder = training(photos, tmp_path / "run", Painter())
    worker = threading.Thread(target=paused.run)
    worker.start()
    paused.running.set()
    while paused.record["step"] < 3:
        time.sleep(0.01)
    paused.running.clear()
    while not folder.checkpoint.exists():
        time.sleep(0.01)
    step = RunFolder.open(folder.path).meta()["step"]
    assert 3 <= step < STEPS
    folder.checkpoint.unlink()
    paused.save.set()
    while paused.save.is_set():
        time.sleep(0.01)
    assert RunFolder.open(folder.path).meta()["step"] == step
    paused.closing.set()
    worker.join(60)
    folder.close()
    assert not worker.is_alive() and not paused.over


def test_showing_takes_its_share_and_no_more(photos: Path, tmp_path: Path) -> None:
    painter, work = Painter(), Restless()
    painter.add(work)
    shared, folder = training(photos, tmp_path / "run", painter, share=0.2)
    shared.running.set()
    shared.run()
    folder.close()
    trained = shared.record["seconds"]
    # What is asked for is counted; sleeping longer than that costs showing, not training.
    assert 0 < work.seconds <= trained * 0.25 + 0.25 + 0.01


def test_what_the_server_takes_is_of_the_share(photos: Path, tmp_path: Path) -> None:
    # A server that takes much more than there is leaves nothing of the share.
    painter, work = Painter(served=lambda: 1e3 * time.perf_counter()), Restless()
    painter.add(work)
    shared, folder = training(photos, tmp_path / "run", painter, share=0.2)
    shared.running.set()
    shared.run()
    folder.close()
    assert work.seconds == 0
