"""The probe of a fit: the protocol's PSNR where its grid holds every pixel, near it elsewhere."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from nfield.config import resolve
from nfield.data.load import load_scene
from nfield.data.scene import Scene, Views
from nfield.evaluate import probe
from nfield.evaluate.probe import Probe
from nfield.evaluate.protocol import evaluate_views
from nfield.fields.model import Model
from nfield.verbs.scene import probe_of

WHITE = (1.0, 1.0, 1.0)
SETTINGS = ["model.levels=4", "model.log2_table=10", "occupancy.resolution=16"]


@pytest.fixture(scope="module")
def scene(photos: Path) -> Scene:
    return load_scene(str(photos))


@pytest.fixture(scope="module")
def model(scene: Scene) -> Model:
    torch.manual_seed(0)
    return Model(resolve(scene.path, {"max_steps": 1}, SETTINGS), scene.bounds)


def judged(views: Views, model: Model) -> float:
    def render(index: int) -> np.ndarray:
        return model.render(views.cameras, index, background=WHITE).color.numpy()

    found: float = evaluate_views(views, render, background=WHITE)["mean"]["psnr"]
    return found


def test_small_views_are_judged_as_the_protocol_does(scene: Scene, model: Model) -> None:
    views = scene.splits["test"]  # 32 x 32 pixels: all of them
    # Chunks of rays differ, and with them the rounding of a few values to 8 bits.
    assert Probe(views, WHITE)(model) == pytest.approx(judged(views, model), abs=1e-3)


def test_a_coarser_grid_is_near(scene: Scene, model: Model, monkeypatch) -> None:
    views = scene.splits["test"]
    monkeypatch.setattr(probe, "PIXELS", 64)
    coarse = Probe(views, WHITE)
    assert [len(grid.pixels) for grid in coarse._grids] == [64] * 3
    # Of 64 errors; a probe of other pixels, or of other views, would be many dB off.
    assert coarse(model) == pytest.approx(judged(views, model), abs=1.5)


def test_pixels_and_truth_belong_together(scene: Scene, monkeypatch) -> None:
    views = scene.splits["train"]
    monkeypatch.setattr(probe, "PIXELS", 64)
    grids = Probe(views, WHITE)._grids
    assert [grid.view for grid in grids] == [0, 2, 4, 6, 8, 10]  # of 12, at most 8
    for grid in grids:
        x, y = grid.pixels.T
        image = views.image(grid.view)[y, x] / 255.0
        expected = image[:, :3] * image[:, 3:] + 1 - image[:, 3:]
        # Half a level, by rounding.
        np.testing.assert_allclose(grid.truth.reshape(-1, 3) / 255.0, expected, atol=0.51 / 255)


def test_masked_pixels_count_as_right(scene: Scene, model: Model, monkeypatch) -> None:
    views = scene.splits["test"]
    monkeypatch.setattr(Views, "mask", lambda self, index: np.zeros((32, 32), bool))
    assert Probe(views, WHITE)(model) == pytest.approx(10 * math.log10(255.0**2 * 32 * 32 * 3))


def test_only_scenes_with_test_views_are_probed(scene: Scene) -> None:
    config = resolve(scene.path, {"max_steps": 1})
    assert probe_of(scene, config) is not None
    assert probe_of(Scene("s", "s", {"train": scene.splits["train"]}), config) is None
    assert probe_of(None, config) is None
