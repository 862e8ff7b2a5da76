"""Every preset of images, shapes and videos: the contract, gradients, learning, the same bits."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nfield.config import resolve
from nfield.fields.build import build
from nfield.fields.contract import ValueField
from nfield.fields.presets import PRESETS
from nfield.fields.values import Values
from tests.ops.reference import on_threads, same_bits

HASH = ["model.log2_table=12", "model.levels=6", "model.finest_resolution=64"]
NETWORK = ["model.width=32", "model.hidden=2"]
SMALL = {
    "hash-image": HASH,
    "ffn": [*NETWORK, "model.features=32", "model.sigma=3"],
    "siren": NETWORK,
    "cam-image": [*NETWORK, "model.features=32", "model.sigma=3", "model.grid_resolution=8"],
    "rbf-image": HASH,
    "hash-sdf": HASH,
    "siren-sdf": NETWORK,
    "rbf-sdf": HASH,
    "triplane-sdf": [*NETWORK, "model.resolution=17", "model.channels=8"],
    "hash-video": HASH,
    "cam-video": [*NETWORK, "model.features=32", "model.sigma=3", "model.grid_resolution=8"],
}
DATA = {"image": "a.png", "distance": "a.obj", "video": "a.mp4"}
DIMS = {"image": 2, "distance": 3, "video": 3}
every = pytest.mark.parametrize("name", SMALL)


def field_of(name: str) -> Values:
    torch.manual_seed(0)
    config = resolve(DATA[PRESETS[name].kind], {"field": name}, SMALL[name])
    field = build(config, 1 if PRESETS[name].kind == "distance" else 3)
    assert isinstance(field, Values)
    return field


def target(name: str, count: int = 512) -> tuple[Tensor, Tensor]:
    """Points, and smooth values there."""
    kind = PRESETS[name].kind
    x = torch.rand(count, DIMS[kind], generator=torch.Generator().manual_seed(1))
    if kind == "distance":
        return x, (x - 0.5).norm(dim=1, keepdim=True) - 0.3
    return x, torch.stack([0.5 + 0.4 * torch.sin(5 * x[:, 0] + i * x[:, 1]) for i in range(3)], 1)


def test_every_preset_is_tested() -> None:
    assert {name for name, preset in PRESETS.items() if preset.kind in DATA} == set(SMALL)


@every
def test_contract(name: str) -> None:
    field = field_of(name)
    assert isinstance(field, ValueField)
    x, want = target(name, 77)
    assert field(x).shape == want.shape and field(x[:0]).shape == want[:0].shape
    grouped = [p for group in field.parameter_groups() for p in group.parameters]
    assert len(grouped) == len({id(p) for p in grouped})
    assert {id(p) for p in grouped} == {id(p) for p in field.parameters()}


@every
def test_learns_a_smooth_target(name: str) -> None:
    field = field_of(name)
    x, want = target(name)
    groups = field.parameter_groups()
    optimizer = torch.optim.Adam(
        [{"params": list(g.parameters), "lr": 3e-3 * g.rate} for g in groups], eps=1e-12
    )
    losses = []
    for _ in range(200):
        loss = (field(x) - want).square().mean()
        optimizer.zero_grad()
        loss.backward()
        # No part is left out of the graph.
        assert all(parameter.grad is not None for parameter in field.parameters())
        optimizer.step()
        losses.append(float(loss.detach()))
    # The mean alone would leave the target's variance.
    assert losses[-1] < 0.1 * float(want.var(0).mean())


@every
def test_same_bits_on_any_number_of_threads(name: str) -> None:
    def gradients() -> list[Tensor]:
        field = field_of(name)
        x, want = target(name)
        loss = (field(x) - want).square().mean()
        return list(torch.autograd.grad(loss, list(field.parameters())))

    assert same_bits(on_threads(1, gradients), on_threads(3, gradients))
