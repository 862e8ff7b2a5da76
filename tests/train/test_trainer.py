"""Training: it learns, repeats itself to the bit, and resumes to the bit."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch

from nfield.config import Config, override, replace, resolve
from nfield.data.load import load_scene
from nfield.data.scene import Scene
from nfield.errors import InputError
from nfield.fields.contract import Field
from nfield.train.device import deterministic
from nfield.train.folder import RunFolder
from nfield.train.loop import train
from nfield.train.step import Step
from nfield.train.trainer import Trainer
from tests.ops.reference import on_threads

SMALL = ["train.samples=4096", "train.rays=256", "model.log2_table=12", "occupancy.resolution=32"]
GROWING = [setting for setting in SMALL if not setting.startswith("model")]


@pytest.fixture(scope="module")
def scene() -> Scene:
    return load_scene("builtin:matte", downscale=4)


def config(**options: object) -> Config:
    return resolve("builtin:matte", {"downscale": 4, "max_steps": 40, **options}, SMALL)


def tensors_after(trainer: Trainer, steps: int) -> list[torch.Tensor]:
    while trainer.step < steps:
        trainer.train_step()
    return [tensor.clone() for tensor in trainer.state()[0].values()]


def test_learns_the_scene(scene: Scene) -> None:
    trainer = Trainer(scene, config())
    first = trainer.train_step()
    for _ in range(150):
        last = trainer.train_step()
    # From a grey fog to a recognisable object: the error falls below half.
    assert last["psnr"] > first["psnr"] + 3
    assert 2000 < last["samples"] <= 4096 * 1.25
    assert trainer.model.occupancy.occupied_share() < 0.4


def test_same_seed_same_bits_whatever_the_threads(scene: Scene) -> None:
    once = on_threads(1, lambda: tensors_after(Trainer(scene, config()), 40))
    again = on_threads(3, lambda: tensors_after(Trainer(scene, config()), 40))
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))
    other = tensors_after(Trainer(scene, config(seed=1)), 40)
    assert not all(torch.equal(a, b) for a, b in zip(once, other, strict=True))


def test_half_and_half_equals_whole(scene: Scene, tmp_path: Path) -> None:
    whole = tensors_after(Trainer(scene, config()), 40)
    folder = RunFolder.create(tmp_path / "run", config(max_steps=20))
    train(Trainer(scene, config(max_steps=20)), folder, max_steps=20, max_seconds=None)
    state = folder.load()
    assert state is not None
    resumed = Trainer.resume(scene, config(), *state)
    assert resumed.step == 20
    halves = tensors_after(resumed, 40)
    assert all(torch.equal(a, b) for a, b in zip(whole, halves, strict=True))


def test_interrupt_ends_the_step_and_saves(scene: Scene, tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", config())

    def interrupt(record: dict[str, float]) -> None:
        if record["step"] == 7:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(Trainer(scene, config()), folder, max_steps=40, max_seconds=None, on_step=interrupt)
    state = folder.load()
    assert state is not None and state[1]["step"] == 7


def test_held_out_views_are_looked_at_ever_more_rarely(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder.create(tmp_path / "run", config())
    trainer = Trainer(scene, config())
    monkeypatch.setattr(trainer, "train_step", lambda: count_second(trainer))
    train(trainer, folder, max_steps=8, max_seconds=None, probe=lambda model: trainer.seconds)
    looks = [r["step"] for r in folder.records() if "test_psnr" in r]
    # The first after a second, then half as long again each time, and at the end.
    assert looks == [1, 2, 4, 7, 8]


def count_second(trainer: Trainer) -> dict[str, float]:
    trainer.step += 1
    trainer.seconds = trainer.step + 1e-3  # the loop adds microseconds of its own
    return {"loss": 0.0}


def test_learning_rate_falls_to_its_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(scene, config(max_steps=None, max_seconds=10.0))
    rates = []
    for seconds in (0.0, 5.0, 10.0, 20.0):
        trainer.seconds = seconds
        rates.append(trainer._learning_rate())
    assert rates == pytest.approx([1.5e-2, 1.5e-2 * 0.02**0.125, 3e-4, 3e-4])


def test_checkpoint_of_other_sizes_is_refused(scene: Scene) -> None:
    tensors, meta = Trainer(scene, config()).state()
    other = resolve("builtin:matte", {"downscale": 4, "max_steps": 40}, [*SMALL, "model.levels=8"])
    with pytest.raises(InputError, match="field.encoding.table must have shape"):
        Trainer.resume(scene, other, tensors, meta)


def test_cuda_is_refused_by_a_cpu_build(scene: Scene) -> None:
    with pytest.raises(InputError, match="--device: cuda must be a GPU that can be used"):
        Trainer(scene, config(device="cuda"))


def test_a_step_that_memory_does_not_hold_ends_the_fit_with_a_sentence(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(scene, config())

    def full(step: Step) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB\nSee the manual")

    monkeypatch.setattr(trainer.task, "loss", full)
    with pytest.raises(InputError, match=r"allocate 2 GiB; fit again with a smaller train.samples"):
        trainer.train_step()


def test_deterministic_sums_are_asked_for_on_a_gpu_and_no_longer_than_meant() -> None:
    for name, wanted, mode in (("cuda", True, 1), ("cuda", False, 0), ("cpu", True, 0)):
        with deterministic(torch.device(name), wanted):
            assert torch.get_deterministic_debug_mode() == mode
        assert torch.get_deterministic_debug_mode() == 0


def test_deterministic_fits_on_the_cpu_are_what_they_were(scene: Scene) -> None:
    exact = override(config(), ["train.deterministic=true"])
    once, again = (tensors_after(Trainer(scene, c), 3) for c in (config(), exact))
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))


def test_largest_seed_trains(scene: Scene) -> None:
    assert Trainer(scene, config(seed=2**63 - 1)).train_step()["samples"] > 0


def test_divergence_is_refused_before_it_is_saved(scene: Scene) -> None:
    for step, message in ((0, "density must be finite"), (1, "step 1: loss must be finite")):
        trainer = Trainer(scene, config())
        while trainer.step < step:
            trainer.train_step()
        with torch.no_grad():
            next(trainer.model.parameters()).fill_(torch.nan)
        with pytest.raises(InputError, match=message):
            trainer.train_step()


def test_sizes_the_kernels_do_not_take_are_refused(scene: Scene) -> None:
    other = resolve("builtin:matte", {"downscale": 4}, [*SMALL, "model.features=3"])
    with pytest.raises(InputError, match="features must be one of 1, 2, 4, 8, got 3"):
        Trainer(scene, other)
    with pytest.raises(InputError, match="occupancy.resolution must be .* a multiple of 16"):
        resolve("builtin:matte", {}, ["occupancy.resolution=50"])


def test_incomplete_checkpoint_is_refused(scene: Scene) -> None:
    tensors, meta = Trainer(scene, config()).state()
    for name in ("adam.field.encoding.table.m", "model.field.encoding.table"):
        rest = {key: value for key, value in tensors.items() if key != name}
        with pytest.raises(InputError, match="checkpoint: .* must"):
            Trainer.resume(scene, config(), rest, meta)
    with pytest.raises(InputError, match="checkpoint: bounds must be given"):
        Trainer.resume(scene, config(), tensors, {k: v for k, v in meta.items() if k != "bounds"})


class Growing(Field):
    """A radiance field on a line of values that doubles at a third and two thirds of the budget."""

    def __init__(self) -> None:
        super().__init__()
        self.line = torch.nn.Parameter(torch.linspace(-1, 1, 4))
        self.color_values = torch.nn.Parameter(torch.zeros(3))

    def features(self, x: torch.Tensor) -> torch.Tensor:
        nearest = (x[:, 0] * (len(self.line) - 1)).round().long().clamp(0, len(self.line) - 1)
        return self.line[nearest, None]

    def density(self, h: torch.Tensor) -> torch.Tensor:
        return h[:, 0].exp()

    def color(self, h: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
        return self.color_values.sigmoid().expand(len(h), 3)

    def regularization(self) -> torch.Tensor:
        return 1e-3 * self.line.abs().sum()

    def grow(self, progress: float) -> bool:
        size = 4 << int(3 * progress)
        if size == len(self.line):
            return False
        values = self.line.detach().repeat_interleave(size // len(self.line))
        self.line = torch.nn.Parameter(values)
        return True


@pytest.fixture
def growing(monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setattr("nfield.fields.model.build", lambda config: Growing())
    return resolve("builtin:matte", {"max_steps": 40}, [*GROWING, "train.decay_steps=30"])


def test_growth_gives_fresh_moments_and_keeps_the_others(scene: Scene, growing: Config) -> None:
    trainer = Trainer(scene, growing)
    while trainer.step < 10:
        trainer.train_step()
    before = trainer.state()[0]
    assert before["adam.field.line.m"].shape == (4,)
    trainer.train_step()
    after = trainer.state()[0]
    assert after["model.field.line"].shape == after["adam.field.line.v"].shape == (8,)
    # One step from zero: v = (1 - beta2) g^2, m = (1 - beta1) g, so v = m^2.
    torch.testing.assert_close(after["adam.field.line.v"], after["adam.field.line.m"].square())
    kept, was = (t["adam.field.color_values.v"] for t in (after, before))
    assert bool((kept >= 0.98 * was).all())


@pytest.mark.parametrize("cut", [9, 10, 11, 25])
def test_growing_runs_resume_to_the_bit(
    scene: Scene, growing: Config, tmp_path: Path, cut: int
) -> None:
    whole = tensors_after(Trainer(scene, growing), 35)
    folder = RunFolder.create(tmp_path / "run", growing)
    train(Trainer(scene, growing), folder, max_steps=cut, max_seconds=None)
    state = folder.load()
    assert state is not None
    halves = tensors_after(Trainer.resume(scene, growing, *state), 35)
    assert all(torch.equal(a, b) for a, b in zip(whole, halves, strict=True))


def test_growth_is_kept_when_the_budget_becomes_longer(scene: Scene, growing: Config) -> None:
    seconds = replace(growing, {"max_seconds": 10.0}, "")
    trainer = Trainer(scene, seconds)
    trainer.seconds = 9.0
    trainer.train_step()
    longer = replace(growing, {"max_seconds": 90.0}, "")
    resumed = Trainer.resume(scene, longer, *trainer.state())
    resumed.train_step()
    assert len(resumed.state()[0]["model.field.line"]) == 16


def test_regularization_is_part_of_the_gradient(scene: Scene, growing: Config) -> None:
    field = Growing()
    field.regularization().backward()
    assert field.line.grad is not None
    trainer = Trainer(scene, growing)
    trainer.model.occupancy.words = torch.zeros_like(trainer.model.occupancy.words)
    trainer.step = 1  # the occupancy grid is not due: no sample, no gradient but the penalty's
    trainer.train_step()
    m = trainer.state()[0]["adam.field.line.m"]
    torch.testing.assert_close(m, 0.1 * field.line.grad)
