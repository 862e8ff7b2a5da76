"""Distillation: it learns, for every pair of fields, and repeats and resumes to the bit."""

from __future__ import annotations

import dataclasses
from itertools import permutations
from pathlib import Path

import pytest
import torch

from nfield.config import Config, Convert
from nfield.conversion.conversion import Conversion
from nfield.conversion.inherit import PARTS, inherit, latents_fit
from nfield.conversion.plan import plan
from nfield.conversion.poses import Poses
from nfield.conversion.task import Distillation
from nfield.fields.model import Model
from nfield.run import Run
from nfield.train.folder import RunFolder
from nfield.train.step import Step
from nfield.train.trainer import Trainer
from tests.conversion.conftest import MODELS, TAUGHT
from tests.ops.reference import on_threads

ACTIVE = ("convert.hard_poses=true", "convert.hard_rays=true", "convert.heavy_points=true")


def begun(teacher: Run, to: str, out: Path, *settings: str, steps: int = 12) -> Conversion:
    assignments = (*TAUGHT, *MODELS[to], *settings)
    if to == "ngp":
        assignments = (*assignments, "model.width=32")  # another than the teacher
    return Conversion(*plan(teacher.folder.path, to, {"max_steps": steps}, assignments, out=out))


def tensors_after(trainer: Trainer, steps: int) -> list[torch.Tensor]:
    while trainer.step < steps:
        trainer.train_step()
    return [tensor.clone() for tensor in trainer.state()[0].values()]


def step(number: int, progress: float) -> Step:
    return Step(number, progress, torch.Generator().manual_seed(number))


def test_a_copy_of_the_teacher_has_nothing_to_learn(teacher: Run, monkeypatch) -> None:
    config = dataclasses.replace(teacher.config, convert=Convert())
    copy = Model(config, teacher.model.bounds)
    copy.load_state_dict(teacher.model.state_dict())
    copy.occupancy.refresh()
    poses = Poses(teacher.model.bounds, None)
    task = Distillation(teacher.model, poses, config, copy, same=True)
    # Empty space is not part of what the teacher shows.
    monkeypatch.setattr(Distillation, "_emptiness", lambda self, generator: torch.zeros(()))
    for number, progress in enumerate((0.0, 0.1, 0.9)):
        loss, record = task.loss(step(number, progress))
        assert record["psnr"] == 100
        # Weights of about 102 in all, times the 1e-6 that keep roots smooth. Clamped densities
        # differ only where the teacher's own lie beyond the clamp, which is no error.
        assert float(loss.detach()) < 1e-3


@pytest.mark.parametrize("to", ["voxel", "nerf"])
def test_a_student_learns_what_the_teacher_shows(teacher: Run, tmp_path, to: str) -> None:
    # Without hard rays those of the first step and of the last are equally hard.
    trainer = begun(teacher, to, tmp_path / "run", "convert.hard_rays=false", steps=60).trainer
    records = [trainer.train_step() for _ in range(60)]
    assert records[-1]["psnr"] > records[0]["psnr"] + 3  # the error falls below half
    assert 500 < records[-1]["samples"] < 1500  # of a budget of 1024


def test_both_are_asked_at_the_same_points(teacher: Run, tmp_path, monkeypatch) -> None:
    conversion = begun(teacher, "voxel", tmp_path / "run")
    student, known = conversion.trainer.model, conversion.lesson.teacher
    asked: dict[str, list[torch.Tensor]] = {"student": [], "teacher": []}
    for name, model in (("student", student), ("teacher", known)):
        features = model.field.features

        def note(x: torch.Tensor, name=name, features=features) -> torch.Tensor:
            asked[name].append(x)
            return features(x)

        monkeypatch.setattr(model.field, "features", note)
    conversion.trainer.task.loss(step(0, 0.5))
    mine, theirs = asked["student"][0], torch.cat(asked["teacher"])
    rows = {tuple(row) for row in theirs.tolist()}
    assert len(mine) > 200
    assert all(tuple(row) in rows for row in mine.tolist())


def test_every_pair_of_fields_begins(teacher: Run, tmp_path) -> None:
    configs: dict[str, Config] = {
        name: begun(teacher, name, tmp_path / name).folder.config for name in MODELS
    }
    bounds = teacher.model.bounds
    models = {name: Model(config, bounds) for name, config in configs.items()}
    for known, name in permutations(models, 2):
        student = Model(configs[name], bounds)
        inherit(student, models[known], 0)
        same = latents_fit(student, models[known])
        task = Distillation(models[known], Poses(bounds, None), configs[name], student, same)
        for number, progress in enumerate((0.0, 0.1, 0.9)):
            loss, _ = task.loss(step(number, progress))
            loss.backward()
        gradients = [p.grad for p in student.parameters() if p.grad is not None]
        assert gradients, (known, name)
        assert all(bool(g.isfinite().all()) for g in gradients), (known, name)


@pytest.mark.parametrize(
    ("pair", "latents", "parts"),
    [
        (("ngp", "nerf"), True, []),  # heads of other depths
        (("nerf", "cam"), True, ["colour head"]),
        (("ngp", "rbf"), False, ["encoding"]),
        (("rbf", "voxel"), True, []),  # harmonics, which have nothing to inherit
        (("ngp", "voxel"), False, []),
    ],
)
def test_what_is_compared_and_inherited(
    teacher: Run, tmp_path, pair: tuple[str, str], latents: bool, parts: list[str]
) -> None:
    harmonics = {"voxel": ("model.harmonics=3",)}  # as many as rbf has
    configs = [
        begun(teacher, name, tmp_path / name, *harmonics.get(name, ())).folder.config
        for name in pair
    ]
    known, student = (Model(config, teacher.model.bounds) for config in configs)
    known.occupancy.thickness.copy_(torch.rand(len(known.occupancy.thickness)))
    known.occupancy.refresh()
    assert inherit(student, known, 0) == ["occupancy", *parts]
    assert latents_fit(student, known) is latents
    assert torch.equal(student.occupancy.words, known.occupancy.words)
    for part in ("encoding", "density_network", "color_head"):
        own, given = (getattr(model.field, part).state_dict() for model in (student, known))
        same = own.keys() == given.keys() and all(torch.equal(own[k], given[k]) for k in own)
        # Two parts without parameters are equal, and nothing was inherited.
        assert (same and bool(own)) == (PARTS[part] in parts)


def test_a_part_of_other_sizes_is_not_inherited(teacher: Run, tmp_path) -> None:
    other = ("model.finest_resolution=256", "model.width=32")
    student = begun(teacher, "ngp", tmp_path / "run", *other).trainer.model
    assert inherit(student, teacher.model, 0) == ["occupancy"]


def test_another_occupancy_grid_is_learned_from_the_teacher(teacher: Run, tmp_path) -> None:
    finer = begun(teacher, "voxel", tmp_path / "run", "occupancy.resolution=32").trainer.model
    shares = (finer.occupancy.occupied_share(), teacher.model.occupancy.occupied_share())
    assert 0.3 * shares[1] < shares[0] < 1.2 * shares[1]


@pytest.mark.parametrize(("to", "settings"), [("nerf", ACTIVE), ("voxel", ())])
def test_half_and_half_equals_whole(teacher: Run, tmp_path, to: str, settings) -> None:
    whole = tensors_after(begun(teacher, to, tmp_path / "a", *settings).trainer, 12)
    half = begun(teacher, to, tmp_path / "b", *settings)
    tensors_after(half.trainer, 5)
    half.folder.begin(0)
    half.folder.save(*half.trainer.state())
    half.folder.close()
    again = Conversion(
        *plan(teacher.folder.path, to, {}, out=tmp_path / "b", resume=True), resume=True
    )
    assert again.trainer.step == 5
    rest = tensors_after(again.trainer, 12)
    assert len(rest) == len(whole)
    assert all(torch.equal(a, b) for a, b in zip(whole, rest, strict=True))


def test_same_bits_whatever_the_threads(teacher: Run, tmp_path) -> None:
    def tensors(threads: int) -> list[torch.Tensor]:
        out = tmp_path / str(threads)
        return on_threads(
            threads, lambda: tensors_after(begun(teacher, "rbf", out, *ACTIVE).trainer, 8)
        )

    assert all(torch.equal(a, b) for a, b in zip(tensors(1), tensors(3), strict=True))


def test_photos_come_last_and_have_their_own_share(teacher: Run, tmp_path) -> None:
    conversion = begun(teacher, "voxel", tmp_path / "run", "convert.finetune=0.5", steps=10)
    distilled = conversion.trainer.model.occupancy.thickness.clone()
    tensors_after(conversion.trainer, 5)
    assert torch.equal(conversion.trainer.model.occupancy.thickness, distilled)
    tensors_after(conversion.trainer, 10)
    assert not torch.equal(conversion.trainer.model.occupancy.thickness, distilled)
    assert RunFolder(tmp_path / "run", conversion.folder.config).free()  # nothing was written


def test_regularisers_rest_while_the_teacher_speaks(teacher: Run, tmp_path: Path) -> None:
    settings = ("model.total_variation=1", "convert.finetune=0.5")
    task = begun(teacher, "voxel", tmp_path / "run", *settings).trainer.task
    assert task.penalty(step(0, 0.2)) is None
    assert float(task.penalty(step(0, 0.8)).detach()) > 0
