"""Value fields: contract of every preset, tiny targets, and the model's state."""

from __future__ import annotations

import pytest
import torch

from nfield.config import Config, defaults, override
from nfield.errors import InputError
from nfield.fields.contract import ValueField
from nfield.fields.presets import PRESETS
from nfield.fields.value_model import ValueModel, load_value_model

NAMES = [name for name, preset in PRESETS.items() if preset.kind != "radiance"]
SIZES = {"image": (2, 3), "distance": (3, 1), "video": (3, 3)}  # coordinates, values
SMALLER = {"log2_table": 10, "width": 32}


def config(name: str) -> Config:
    """The preset, of a size for a test."""
    known = vars(PRESETS[name].settings)
    return override(
        defaults("x", name), [f"model.{k}={v}" for k, v in SMALLER.items() if k in known]
    )


def model(name: str) -> ValueModel:
    torch.manual_seed(0)
    return ValueModel(config(name), SIZES[PRESETS[name].kind][1])


@pytest.mark.parametrize("name", NAMES)
def test_presets_keep_the_contract(name: str) -> None:
    field = model(name).field
    in_dim, out_dim = SIZES[PRESETS[name].kind]
    assert isinstance(field, ValueField) and isinstance(field, torch.nn.Module)
    assert field(torch.rand(77, in_dim)).shape == (77, out_dim)
    grouped = [parameter for group in field.parameter_groups() for parameter in group.parameters]
    assert len(grouped) == len({id(p) for p in grouped})
    assert {id(p) for p in grouped} == {id(p) for p in field.parameters()}


@pytest.mark.parametrize("name", NAMES)
def test_presets_overfit_a_tiny_target(name: str) -> None:
    field = model(name).field
    in_dim, out_dim = SIZES[PRESETS[name].kind]
    x, want = torch.rand(64, in_dim), 0.1 + 0.8 * torch.rand(64, out_dim)
    rate = config(name).train.learning_rate
    groups = [
        {"params": list(group.parameters), "lr": rate * group.rate}
        for group in field.parameter_groups()
    ]
    optimizer = torch.optim.Adam(groups)
    for _ in range(400):
        loss = (field(x) - want).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # The targets' variance is 0.053.
    assert float(loss.detach()) < 2e-3


@pytest.mark.parametrize("name", NAMES)
def test_state_restores_the_same_values(name: str) -> None:
    it = model(name)
    it.grow(1.0)
    tensors, meta = it.state()
    other = load_value_model(config(name), tensors, meta)
    x = torch.rand(50, SIZES[PRESETS[name].kind][0])
    assert torch.equal(other.values(x), it.values(x))


def test_values_are_the_same_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    it, x = model("hash-image"), torch.rand(100, 2)
    whole = it.values(x)
    monkeypatch.setattr("nfield.fields.value_model.POINTS_PER_CHUNK", 32)
    assert torch.equal(it.values(x), whole)
    assert it.values(x[:0]).shape == (0, 3)


def test_damaged_checkpoints_are_refused() -> None:
    tensors, meta = model("hash-image").state()
    with pytest.raises(InputError, match="checkpoint: values must be given, got none"):
        load_value_model(config("hash-image"), tensors, {})
    with pytest.raises(InputError, match=r"encoding\.table must have shape .*, got nothing"):
        load_value_model(config("hash-image"), {}, meta)
    with pytest.raises(InputError, match=r"network\.weights must have shape"):
        load_value_model(config("hash-image"), tensors, {**meta, "values": 1})
