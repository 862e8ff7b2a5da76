"""Every preset overfits a tiny target, with its own learning rates."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from nfield.fields.presets import PRESETS
from nfield.train.optimizer import Adam
from tests.fields.small import RADIANCE, SMALL, field_of, sizes, small

POINTS = 64
LEFT = 2e-3  # of the targets' variance, 0.053


def test_every_preset_is_tested() -> None:
    assert list(PRESETS) == list(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_a_tiny_target_is_overfitted(name: str) -> None:
    """Random values at random points: nothing but remembering them helps."""
    field = field_of(name)
    field.grow(1.0)
    generator = torch.Generator().manual_seed(1)
    in_dim, out_dim = (3, 4) if name in RADIANCE else sizes(name)
    x = torch.rand(POINTS, in_dim, generator=generator)
    want = 0.1 + 0.8 * torch.rand(POINTS, out_dim, generator=generator)
    d = normalize(torch.randn(POINTS, 3, generator=generator), dim=1)

    def values() -> Tensor:
        if name not in RADIANCE:
            found: Tensor = field(x)
            return found
        h = field.features(x)
        # The opacity of a tenth of the scene's half size, and the colour.
        return torch.cat([1 - torch.exp(-0.1 * field.density(h))[:, None], field.color(h, d)], 1)

    rate = small(name).train.learning_rate
    optimizer = Adam(field, field.parameter_groups())
    for _ in range(400):
        loss = (values() - want).square().mean()
        loss.backward()
        assert all(parameter.grad is not None for parameter in field.parameters())
        optimizer.step(rate, 0.0)
    assert float(loss.detach()) < LEFT
