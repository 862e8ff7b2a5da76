"""Every preset of images, shapes and videos: the contract, and the same bits."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nfield.fields.contract import ValueField
from nfield.fields.values import Values
from tests.fields.small import VALUES, field_of, sizes
from tests.ops.reference import on_threads, same_bits

every = pytest.mark.parametrize("name", VALUES)


@every
def test_contract(name: str) -> None:
    field, (in_dim, out_dim) = field_of(name), sizes(name)
    assert isinstance(field, Values) and isinstance(field, ValueField)
    x = torch.rand(77, in_dim)
    assert field(x).shape == (77, out_dim) and field(x[:0]).shape == (0, out_dim)
    grouped = [p for group in field.parameter_groups() for p in group.parameters]
    assert len(grouped) == len({id(p) for p in grouped})
    assert {id(p) for p in grouped} == {id(p) for p in field.parameters()}


@every
def test_same_bits_on_any_number_of_threads(name: str) -> None:
    x = torch.rand(512, sizes(name)[0], generator=torch.Generator().manual_seed(1))

    def gradients() -> list[Tensor]:
        field = field_of(name)
        loss = (field(x) - 0.3).square().mean()
        return list(torch.autograd.grad(loss, list(field.parameters())))

    assert same_bits(on_threads(1, gradients), on_threads(3, gradients))
