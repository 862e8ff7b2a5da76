"""Refined poses and appearance: exact gradients, recovery, repetition and resumption to the bit."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from nfield.config import Config, resolve
from nfield.data.load import load_scene
from nfield.data.scene import Scene, Source
from nfield.errors import InputError
from nfield.fields.model import Model
from nfield.ops.march import Samples
from nfield.render.bounds import Bounds
from nfield.render.cameras import Cameras
from nfield.render.pose_corrections import PoseCorrections, rotation_matrix
from nfield.run import Run
from nfield.train.folder import RunFolder
from nfield.train.held_out import fit_poses
from nfield.train.loop import train
from nfield.train.trainer import Trainer
from tests.ops.reference import on_threads

SMALL = ["train.samples=4096", "train.rays=256", "model.log2_table=14", "occupancy.resolution=32"]
BOTH = ["photos.refine_poses=true", "photos.appearance=true"]


def config(*settings: str, steps: int = 24) -> Config:
    return resolve(
        "builtin:matte",
        {"downscale": 4, "max_steps": steps},
        [*SMALL, f"train.decay_steps={steps}", *settings],
    )


@pytest.fixture(scope="module")
def scene() -> Scene:
    return load_scene("builtin:matte", downscale=4)


def with_cameras(scene: Scene, split: str, poses: Tensor) -> Scene:
    """The scene in the same bounds with other poses in a split."""
    views = scene.splits[split]
    cameras = dataclasses.replace(views.cameras, camera_to_world=poses)
    changed = {**scene.splits, split: dataclasses.replace(views, cameras=cameras)}
    return dataclasses.replace(scene, splits=changed, given_bounds=scene.bounds)


def disturbed(poses: Tensor, angle: float, shift: float) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    turn = rotation_matrix(angle * torch.randn(len(poses), 3, generator=generator))
    moved = poses[:, :, 3] + shift * torch.randn(len(poses), 3, generator=generator)
    return torch.cat([turn @ poses[:, :, :3], moved[:, :, None]], 2)


def pixel_error(true: Cameras, found: Cameras, bounds: Bounds) -> float:
    """Median distance in pixels between where points of the scene are and are believed to be."""
    generator = torch.Generator().manual_seed(2)
    points = torch.rand(100, 3, generator=generator) - 0.5
    points = torch.tensor(bounds.center) + bounds.half_size * points
    errors = []
    for i in range(len(true)):
        index = torch.full((len(points),), i)
        difference = true.project(index, points)[0] - found.project(index, points)[0]
        errors.append(difference.norm(dim=1).median())
    return float(torch.stack(errors).median())


class Waves(torch.nn.Module):
    """A smooth field whose every value is written here, of any precision."""

    def features(self, x: Tensor) -> Tensor:
        return torch.cat([(4 * x).sin().sum(1, keepdim=True), (3 * x).cos()], 1)

    def density(self, h: Tensor) -> Tensor:
        return h[:, 0].exp()

    def color(self, h: Tensor, d: Tensor) -> Tensor:
        return (h[:, 1:] + d).sigmoid()


@pytest.mark.parametrize("unbounded", [False, True])
def test_gradient_of_poses_is_that_of_finite_differences(unbounded: bool) -> None:
    views, rays, per_ray = 3, 12, 9
    bounds = Bounds((0.2, -0.1, 0.3), 1.5, unbounded, None)
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    view = torch.randint(views, (rays,), generator=generator)
    centers, origins = normal(views, 3), 2 * normal(rays, 3)
    directions = torch.nn.functional.normalize(normal(rays, 3), dim=1)
    total = rays * per_ray
    t = torch.linspace(0.1, 3, per_ray).repeat(rays)
    offset = torch.arange(0, total + 1, per_ray)
    ray = torch.arange(rays, dtype=torch.int32).repeat_interleave(per_ray)
    samples = Samples(offset, ray, torch.zeros(total, 3), t, torch.full((total,), 0.3))
    weight, start = normal(rays, 3), 0.05 * normal(2, views, 3)

    model = Model(config(), bounds, Waves())
    poses = PoseCorrections(centers, bounds.half_size)
    with torch.no_grad():
        poses.rotation.copy_(start[0])
        poses.translation.copy_(start[1])
    moved, turned = poses(view, origins, directions)
    h = model.field.features(model.places(samples, moved, turned))
    (weight * model.composite(samples, turned, h).color).sum().backward()

    def exact(parameters: Tensor) -> float:
        """The same in float64, by the formulas."""
        reference = PoseCorrections(centers.double(), bounds.half_size).double()
        with torch.no_grad():
            reference.rotation.copy_(parameters[0])
            reference.translation.copy_(parameters[1])
            begin, along = reference(view, origins.double(), directions.double())
        p = begin[ray.long()] + t.double()[:, None] * along[ray.long()]
        p = (p - torch.tensor(bounds.center).double()) / bounds.half_size
        norm = p.abs().amax(1, keepdim=True).clamp(min=1)
        x = (2 - 1 / norm) * p / norm / 4 + 0.5 if unbounded else p / 2 + 0.5
        latent = Waves().features(x)
        tau = (Waves().density(latent) * 0.3 / bounds.half_size).view(rays, per_ray)
        light = (1 - torch.exp(-tau)) * torch.exp(tau - tau.cumsum(1))
        color = Waves().color(latent, along[ray.long()]).view(rays, per_ray, 3)
        return float((weight.double() * (light[..., None] * color).sum(1)).sum())

    assert poses.rotation.grad is not None and poses.translation.grad is not None
    gradient = torch.stack([poses.rotation.grad, poses.translation.grad])
    for place in range(0, start.numel()):
        step = torch.zeros(start.numel(), dtype=torch.float64)
        step[place] = 1e-5
        up, down = (exact(start.double() + s * step.view_as(start)) for s in (1, -1))
        # float32 sums of some hundred terms of order one.
        assert float(gradient.flatten()[place]) == pytest.approx((up - down) / 2e-5, abs=2e-4)


def test_nothing_is_refined_unless_asked_for(scene: Scene) -> None:
    plain = Trainer(scene, config())
    assert plain.model.photos is None and "photos" not in plain.state()[1]
    refining = Trainer(scene, config(*BOTH))
    assert refining.model.size() == plain.model.size()
    # The first step sees the same rays from the same poses; positions differ by rounding.
    assert refining.train_step()["loss"] == pytest.approx(plain.train_step()["loss"], rel=1e-4)
    refining.train_step()  # rates begin at zero
    assert float(refining.state()[0]["model.photos.poses.rotation"].abs().max()) > 0


def test_unknown_to_data_without_cameras() -> None:
    with pytest.raises(InputError, match=r"keys must be known, got 'photos\.refine_poses'"):
        resolve("photo.png", {}, ["photos.refine_poses=true"])


def state_after(scene: Scene, steps: int) -> list[Tensor]:
    # As many samples as make torch share its own operations among threads.
    trainer = Trainer(scene, config(*BOTH, "train.samples=16384"))
    while trainer.step < steps:
        trainer.train_step()
    return [tensor.clone() for tensor in trainer.state()[0].values()]


def test_same_bits_whatever_the_threads(scene: Scene) -> None:
    one, *others = (on_threads(n, lambda: state_after(scene, 12)) for n in (1, 2, 3))
    for other in others:
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_resumes_to_the_bit(scene: Scene, tmp_path: Path) -> None:
    settings = config(*BOTH, "train.samples=16384")
    folder = RunFolder.create(tmp_path / "run", settings)
    train(Trainer(scene, settings), folder, max_steps=12, max_seconds=None)
    state = folder.load()
    assert state is not None
    resumed = Trainer.resume(scene, settings, *state)
    while resumed.step < 24:
        resumed.train_step()
    whole = state_after(scene, 24)
    assert all(torch.equal(a, b) for a, b in zip(whole, resumed.state()[0].values(), strict=True))


def test_runs_show_the_training_cameras_where_the_fit_found_them(
    scene: Scene, tmp_path: Path
) -> None:
    folder = RunFolder.create(tmp_path / "run", config(*BOTH, steps=6))
    run = Run(folder)
    run.data = scene
    trainer = Trainer(run.data, run.config)
    train(trainer, folder, max_steps=6, max_seconds=None)
    given, found = run.data.splits, run.scene.splits
    photos = trainer.model.photos
    assert photos is not None and photos.poses is not None
    want = photos.poses.correct(given["train"].cameras).camera_to_world
    assert torch.equal(found["train"].cameras.camera_to_world, want)
    assert not torch.equal(want, given["train"].cameras.camera_to_world)
    assert found["test"] is given["test"]
    exported = run.export(tmp_path / "cameras.json", what="cameras", path="train")
    assert exported["cameras"] == len(want)


def test_disturbed_poses_are_recovered(scene: Scene) -> None:
    true, bounds = scene.splits["train"].cameras, scene.bounds
    poses = disturbed(true.camera_to_world, math.radians(1), 0.01 * bounds.half_size)
    moved = with_cameras(scene, "train", poses)
    # A coarse grid, whose slopes reach far, and a rate for poses that are off by degrees.
    settings = ("photos.refine_poses=true", "photos.pose_rate=3e-3", "model.finest_resolution=64")
    trainer = Trainer(moved, config(*settings, steps=300))
    while trainer.step < 300:
        trainer.train_step()
    photos = trainer.model.photos
    assert photos is not None and photos.poses is not None
    before = moved.splits["train"].cameras
    found = photos.poses.correct(before)
    # What all cameras share stays, about a fifth of a pixel of one and a half.
    assert pixel_error(true, found, bounds) < pixel_error(true, before, bounds) / 2


def test_poses_of_held_out_views_are_fitted_and_the_field_stays(scene: Scene) -> None:
    trainer = Trainer(scene, config(steps=300))
    while trainer.step < 300:
        trainer.train_step()
    model, tested = trainer.model, scene.splits["test"]
    tested = dataclasses.replace(tested, cameras=tested.cameras[:4], names=tested.names[:4])
    splits, true = {**scene.splits, "test": tested}, tested.cameras
    scene = dataclasses.replace(scene, splits=splits)
    before = [tensor.clone() for tensor in model.state()[0].values()]
    poses = disturbed(true.camera_to_world, math.radians(1), 0.01 * scene.bounds.half_size)
    views = with_cameras(scene, "test", poses).splits["test"]
    found = fit_poses(model, views, "random")
    error = pixel_error(true, found, scene.bounds)
    assert error < pixel_error(true, views.cameras, scene.bounds) / 3
    assert all(torch.equal(a, b) for a, b in zip(before, model.state()[0].values(), strict=True))
    assert all(parameter.requires_grad for parameter in model.parameters())


@dataclasses.dataclass(frozen=True)
class Exposed:
    """Images of a source, view i as bright as gain[i]."""

    source: Source
    gain: np.ndarray

    def image(self, i: int) -> np.ndarray:
        image = self.source.image(i).astype(np.float32)
        image[..., :3] *= self.gain[i]
        return np.uint8(image.round())

    def mask(self, i: int) -> np.ndarray | None:
        return self.source.mask(i)

    def truth(self, i: int) -> dict[str, np.ndarray] | None:
        return self.source.truth(i)


def test_appearance_finds_the_exposure_of_each_photo(scene: Scene) -> None:
    train_views = scene.splits["train"]
    gain = np.random.default_rng(0).uniform(0.5, 1.0, len(train_views)).astype(np.float32)
    exposed = dataclasses.replace(train_views, source=Exposed(train_views.source, gain))
    changed = dataclasses.replace(scene, splits={**scene.splits, "train": exposed})
    trainer = Trainer(
        changed, config("photos.appearance=true", "photos.appearance_rate=1e-2", steps=200)
    )
    while trainer.step < 200:
        trainer.train_step()
    photos = trainer.model.photos
    assert photos is not None and photos.appearance is not None
    maps = photos.appearance.maps.detach()
    maps = torch.eye(3, 4) + maps - maps.mean(0)
    pixels = torch.from_numpy(exposed.image(0)).reshape(-1, 4)
    color = pixels[pixels[:, 3] == 255, :3].float().mean(0) / 255
    # How much brighter a photo is than the field; the field is as bright as the mean photo.
    found = ((maps[:, :, :3] @ color + maps[:, :, 3]).sum(1) / color.sum()).numpy()
    # Some of it the field takes for gloss: every photo looks from another side.
    assert np.corrcoef(found, gain)[0, 1] > 0.8
