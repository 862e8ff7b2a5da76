"""The model of a value field: its state, chunks, and refusals."""

from __future__ import annotations

import pytest
import torch

from nfield.errors import InputError
from nfield.fields.value_model import ValueModel, load_value_model
from tests.fields.small import VALUES, sizes, small


def model(name: str) -> ValueModel:
    torch.manual_seed(0)
    return ValueModel(small(name), sizes(name)[1])


@pytest.mark.parametrize("name", VALUES)
def test_state_restores_the_same_values(name: str) -> None:
    it = model(name)
    it.grow(1.0)
    tensors, meta = it.state()
    other = load_value_model(small(name), tensors, meta)
    x = torch.rand(50, sizes(name)[0])
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
        load_value_model(small("hash-image"), tensors, {})
    with pytest.raises(InputError, match=r"encoding\.table must have shape .*, got nothing"):
        load_value_model(small("hash-image"), {}, meta)
    with pytest.raises(InputError, match=r"network\.weights must have shape"):
        load_value_model(small("hash-image"), tensors, {**meta, "values": 1})
