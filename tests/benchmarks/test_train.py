"""Both contenders of the training benchmark train the same way, and count the same things."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.peers.train_torch import FILL, TorchTrainer
from benchmarks.train import Ours
from nfield.config import Config, resolve
from nfield.data.load import load_scene
from nfield.data.scene import Scene


@pytest.fixture(scope="module")
def scene(photos: Path) -> Scene:
    return load_scene(str(photos))


def small(scene: Scene) -> Config:
    model = ["model.log2_table=12", "model.levels=4", "model.finest_resolution=64"]
    occupancy = ["occupancy.resolution=32", "occupancy.steps=64"]
    return resolve(scene.path, {"max_steps": 60}, [*model, *occupancy, "train.samples=2048"])


def test_peer_learns_and_counts_what_it_shades(scene: Scene) -> None:
    trainer = TorchTrainer(scene, small(scene), compiled=False)
    losses, shaded = [], []
    for _ in range(60):
        before = trainer.samples
        losses.append(trainer.train_step())
        shaded.append(trainer.samples - before)
    assert losses[-1] < losses[0] / 2
    assert 0.7 * FILL * 2048 < shaded[-1] <= max(shaded) <= 2048
    assert trainer.candidates > trainer.samples


def test_ours_counts_candidates_in_training_alone(scene: Scene) -> None:
    ours = Ours(scene, small(scene))
    ours.train_step()
    candidates = ours.candidates
    assert candidates >= ours.samples > 0
    ours.render(scene.splits["test"].cameras, 0)
    ours.train_step()
    assert ours.step == 2
    assert 0 < ours.candidates - candidates <= 8 * 2048
