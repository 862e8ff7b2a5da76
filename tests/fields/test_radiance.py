"""Every radiance preset: the contract, gradients, learning, growth and resuming."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from nfield.config import Config
from nfield.data.load import load_scene
from nfield.data.scene import Scene
from nfield.fields.contract import RadianceField
from nfield.fields.radiance import HarmonicColor, Radiance
from nfield.train.folder import RunFolder
from nfield.train.loop import train
from nfield.train.trainer import Trainer
from tests.fields.small import GROWING, RADIANCE, field_of, small
from tests.ops.reference import on_threads, same_bits

TRAIN = ["train.samples=2048", "train.rays=128", "occupancy.resolution=32", "occupancy.steps=128"]
every = pytest.mark.parametrize("name", RADIANCE)


def config(name: str, *settings: str) -> Config:
    return small(name, *TRAIN, *settings, downscale=8, max_steps=100)


def points(count: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    d = torch.randn(count, 3, generator=generator)
    return torch.rand(count, 3, generator=generator), normalize(d, dim=1)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return load_scene("builtin:matte", downscale=8)


@every
def test_contract(name: str) -> None:
    field = field_of(name)
    assert isinstance(field, Radiance) and isinstance(field, RadianceField)
    x, d = points(77)
    h = field.features(x)
    sigma, rgb = field.density(h), field.color(h, d)
    assert sigma.shape == (77,) and rgb.shape == (77, 3)
    assert bool((sigma >= 0).all()) and bool((rgb >= 0).all()) and bool((rgb <= 1).all())
    empty = field.features(torch.empty(0, 3))
    assert field.density(empty).shape == (0,)
    assert field.color(empty, torch.empty(0, 3)).shape == (0, 3)


@every
def test_density_and_colour_stay_in_range_for_any_latent(name: str) -> None:
    field = field_of(name)
    width = field.features(points(1)[0]).shape[1]
    h = torch.randn(200, width) * torch.logspace(-2, 4, 200)[:, None]
    sigma, rgb = field.density(h), field.color(h, points(200)[1])
    assert bool(sigma.isfinite().all()) and bool((sigma >= 0).all())
    assert bool((rgb >= 0).all()) and bool((rgb <= 1).all())


@every
def test_every_parameter_is_in_one_group_and_has_a_gradient(name: str) -> None:
    field = field_of(name)
    grouped = [
        id(parameter) for group in field.parameter_groups() for parameter in group.parameters
    ]
    assert sorted(grouped) == sorted(id(parameter) for parameter in field.parameters())
    x, d = points(512)
    h = field.features(x)
    (field.density(h).sum() + (field.color(h, d) * torch.arange(3)).sum()).backward()
    for key, parameter in field.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.any()), key


@every
def test_same_bits_whatever_the_threads(name: str) -> None:
    x, d = points(5000)

    def compute() -> list[Tensor]:
        field = field_of(name)
        h = field.features(x)
        sigma, rgb = field.density(h), field.color(h, d)
        outputs = [sigma, rgb]
        upstream = [torch.ones(5000), d]
        if (penalty := field.regularization()) is not None:
            outputs, upstream = [*outputs, penalty], [*upstream, torch.ones(())]
        return [*outputs, *torch.autograd.grad(outputs, list(field.parameters()), upstream)]

    assert same_bits(on_threads(1, compute), on_threads(3, compute))


@every
def test_a_tiny_scene_is_learned(name: str, scene: Scene) -> None:
    trainer = Trainer(scene, config(name, "train.decay_steps=300"))
    losses = [trainer.train_step()["loss"] for _ in range(150)]
    # From fog to a recognisable object: half of the error or less remains.
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])


@pytest.mark.parametrize("name", GROWING)
def test_growing_runs_resume_to_the_bit(name: str, scene: Scene, tmp_path: Path) -> None:
    it = config(name, "train.decay_steps=40", "model.growth_end=0.5")
    first = RunFolder.create(tmp_path / "run", it)
    train(Trainer(scene, it), first, max_steps=12, max_seconds=None)
    state = first.load()
    assert state is not None and 0 < state[1]["grown"] < 0.5
    halves = Trainer.resume(scene, it, *state)
    whole = Trainer(scene, it)
    for trainer in (halves, whole):
        while trainer.step < 24:
            trainer.train_step()
    (a, _), (b, _) = halves.state(), whole.state()
    assert a.keys() == b.keys() and same_bits(list(a.values()), list(b.values()))
    assert next(iter(whole.model.field.encoding.parameters())).numel() >= 33**2


@every
def test_growth_keeps_the_field(name: str) -> None:
    field = field_of(name)
    x, _ = points(200)
    before = field.features(x)
    grown = field.grow(1.0)
    assert grown == (name in GROWING)
    assert not field.grow(1.0)
    # From 9 to 33 vertices every old vertex is kept: only rounding differs.
    torch.testing.assert_close(field.features(x), before, atol=1e-5, rtol=1e-4)


def test_harmonic_colours_follow_their_formula() -> None:
    generator = torch.Generator().manual_seed(0)
    color = HarmonicColor(3)
    h, d = torch.randn(50, color.latent, generator=generator), points(50)[1]
    k, y = h[:, 1:].double().view(50, 3, 9), color.directions(d).double()
    expected = torch.sigmoid((k * y[:, None]).sum(2))
    # Nine products and a logistic in float32.
    torch.testing.assert_close(color(h, d).double(), expected, atol=1e-6, rtol=0)
