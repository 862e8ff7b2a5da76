"""Every family's networks rise in frequency with its setting, and FreSh finds the right one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from nfield.config import resolve
from nfield.encodings.hash_grid import HashGrid
from nfield.fields.model import Model
from nfield.fresh import family as families
from nfield.fresh.choice import choose
from nfield.fresh.family import Family
from nfield.fresh.target import image_target
from nfield.render.bounds import Bounds
from tests.fresh.images import falling

SIDE, M = 128, 64
POWERS = (2.0, 1.5, 1.0, 0.5, 0.0)
MAKERS = {
    name: getattr(families, name)
    for name in ("siren", "finer", "finer_bias", "fourier", "positional", "hash_grid")
}


@pytest.fixture(params=MAKERS)
def family(request: pytest.FixtureRequest) -> Family:
    made: Family = MAKERS[request.param](2, 3, width=64)
    return made


def mean_frequency(spectrum: Tensor) -> float:
    return float((spectrum * torch.arange(1, len(spectrum) + 1)).sum())


def test_networks_follow_value_and_seed_alone(family: Family) -> None:
    x = torch.rand(50, 2)
    state = torch.random.get_rng_state()
    first, second = (family.probe(family.default, 3)(x) for _ in range(2))
    assert first.shape == (50, 3)
    assert_close(first, second, atol=0.0, rtol=0.0)
    assert not torch.equal(first, family.probe(family.default, 4)(x))
    assert torch.equal(state, torch.random.get_rng_state())


def test_candidates_rise_within_the_limits(family: Family) -> None:
    low, high = family.limits
    candidates = list(family.candidates)
    assert candidates == sorted(set(candidates))
    assert low <= candidates[0] <= family.default <= high and candidates[-1] <= high
    for value in (low, high):
        family.build(value, 0)


def test_frequencies_rise_with_the_setting(family: Family) -> None:
    """Means over seeds of three values far apart, below what the grid of pixels can show."""
    target = image_target(falling(1.0, SIDE), M, family.domain)
    ends = {"first_bias": (0.0, 1.0, 3.0), "bands": (2, 4, 6), "sigma": (1.0, 4.0, 12.0)}
    values = ends.get(family.setting, (20, 60, 200))
    means = [
        np.mean([mean_frequency(target.of(family.probe(v, s))) for s in range(3)]) for v in values
    ]
    assert means == sorted(means)
    assert means[-1] > 1.2 * means[0]


@pytest.mark.parametrize("name", ["siren", "fourier"])
def test_picks_rise_with_the_targets_frequencies(name: str) -> None:
    """Images of amplitude 1 / f^p: the flatter the spectrum, the higher the pick."""
    family = MAKERS[name](2, 3, width=64)
    coarse = replace(family, candidates=list(family.candidates)[::3])
    picks = [pick(coarse, falling(power, SIDE)) for power in POWERS]
    assert picks == sorted(picks)
    assert len(set(picks)) >= 4


def pick(family: Family, image: Tensor) -> float:
    target = image_target(image, M, family.domain)
    choice = choose(target, family.candidates, family.probe, limits=family.limits, seeds=3)
    return choice.pick


def test_hash_grids_are_probed_with_large_features() -> None:
    family = families.hash_grid(2, 3)
    start, probe = (table_of(make(64, 0)) for make in (family.build, family.probe))
    assert float(start.abs().max()) <= 1e-4
    assert 0.9 < float(probe.abs().max()) <= 1.0


def test_radiance_fields_take_the_finest_resolution() -> None:
    config = resolve("builtin:matte", {}, ["model.log2_table=8", "model.levels=2"])
    family = families.radiance(config, Bounds((0.0, 0.0, 0.0), 1.0, False, None))
    assert family.default == config.model.finest_resolution
    model = family.probe(45, 0)
    assert isinstance(model, Model)
    assert 0.9 < float(table_of(model).abs().max()) <= 1.0
    encoding = model.field.encoding
    assert isinstance(encoding, HashGrid)
    assert encoding.shape.finest_resolution == 45


def table_of(network: torch.nn.Module) -> Tensor:
    (grid,) = [module for module in network.modules() if isinstance(module, HashGrid)]
    return grid.table.detach()
