"""Fitting points: it learns, repeats itself to the bit, and resumes to the bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from nfield.config import Config, resolve
from nfield.data.load import load_configured
from nfield.data.target import Target
from nfield.errors import InputError
from nfield.train import losses
from nfield.train.losses import LOSSES, batch_psnr
from nfield.train.trainer import Trainer
from tests.ops.reference import on_threads
from tests.targets import needs, write_clip, write_mesh, write_picture

SMALL = ["model.levels=6", "model.log2_table=12", "model.finest_resolution=64", "model.width=16"]


@pytest.fixture(scope="module", params=["image", "shape", "video"])
def target(request, tmp_path_factory: pytest.TempPathFactory) -> tuple[Target, Config]:
    """Data of every kind, smaller pools, and the configuration of its default field."""
    folder = tmp_path_factory.mktemp("data")
    if request.param == "shape":
        needs("open3d")
    if request.param == "video":
        needs("imageio_ffmpeg")
    write = {"image": write_picture, "shape": write_mesh, "video": write_clip}[request.param]
    config = resolve(str(write(folder)), {"max_steps": 40}, [*SMALL, "train.samples=1024"])
    return load_configured(config), config


@pytest.fixture(autouse=True)
def small_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nfield.data.mesh.POOL", 1 << 13)


def tensors_after(trainer: Trainer, steps: int) -> list[torch.Tensor]:
    while trainer.step < steps:
        trainer.train_step()
    return [tensor.clone() for tensor in trainer.state()[0].values()]


def test_learns(target: tuple[Target, Config]) -> None:
    trainer = Trainer(*target)
    first = trainer.train_step()
    for _ in range(200):
        last = trainer.train_step()
    assert last["points"] == 1024
    assert last["loss"] < first["loss"] / 10
    assert ("psnr" in last) == (target[1].field != "hash-sdf")


def test_same_seed_same_bits_whatever_the_threads(target: tuple[Target, Config]) -> None:
    once = on_threads(1, lambda: tensors_after(Trainer(*target), 30))
    again = on_threads(3, lambda: tensors_after(Trainer(*target), 30))
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))


def test_half_and_half_equals_whole(target: tuple[Target, Config]) -> None:
    whole = tensors_after(Trainer(*target), 40)
    half = Trainer(*target)
    tensors_after(half, 20)
    tensors, meta = half.state()
    resumed = Trainer.resume(*target, {k: v.clone() for k, v in tensors.items()}, meta)
    assert all(torch.equal(a, b) for a, b in zip(whole, tensors_after(resumed, 40), strict=True))


def test_an_image_no_larger_than_a_batch_is_fitted_whole(tmp_path: Path) -> None:
    config = resolve(str(write_picture(tmp_path)), {}, [*SMALL, "train.samples=1920"])
    assert Trainer(load_configured(config), config).train_step()["points"] == 1920


def test_divergence_is_refused(tmp_path: Path) -> None:
    config = resolve(str(write_picture(tmp_path)), {}, SMALL)
    trainer = Trainer(load_configured(config), config)
    with torch.no_grad():
        next(trainer.model.parameters()).fill_(torch.nan)
    with pytest.raises(InputError, match="step 0: loss must be finite, got nan"):
        trainer.train_step()


def test_sizes_the_kernels_do_not_take_are_refused(tmp_path: Path) -> None:
    config = resolve(str(write_picture(tmp_path)), {}, ["model.features=3"])
    with pytest.raises(InputError, match="features must be one of 1, 2, 4, 8, got 3"):
        Trainer(load_configured(config), config)


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("l2", lambda y, t: (y - t) ** 2),
        ("l1", lambda y, t: (y - t).abs()),
        ("relative", lambda y, t: (y - t) ** 2 / (t.abs() + losses.FLOOR)),
    ],
)
def test_losses_are_their_formulas(name: str, want) -> None:
    y, t = torch.randn(2, 500, 3, dtype=torch.float64)
    assert_close(LOSSES[name](y, t), want(y, t).mean())


def test_psnr_of_a_batch_is_at_most_100() -> None:
    t = torch.rand(10, 3)
    assert batch_psnr(t, t) == 100.0
    assert batch_psnr(t + 0.1, t) == pytest.approx(20.0, abs=1e-4)
