"""Building fields: sizes that do not fit are refused before they are allocated."""

from __future__ import annotations

import pytest
import torch

from nfield.config import resolve
from nfield.errors import InputError
from nfield.fields import build as module
from nfield.fields.build import available_memory, build

HUGE = ["model.features=8", "model.levels=64", "model.log2_table=26", "model.base_resolution=4096"]


def test_sizes_beyond_memory_are_refused_with_their_bytes() -> None:
    # 64 levels of 2^26 entries of 8 features of 4 bytes: nothing of this size could be allocated.
    with pytest.raises(InputError, match=r"--set model: HashGrid: .* 549,75\d,\d+,\d+ bytes"):
        build(resolve("builtin:matte", {}, [*HUGE, "model.finest_resolution=8192"]))


def test_training_counts_each_parameter_four_times(monkeypatch: pytest.MonkeyPatch) -> None:
    config = resolve("builtin:matte", {}, ["model.log2_table=8"])
    own = sum(parameter.nbytes for parameter in build(config).parameters())
    monkeypatch.setattr(module, "available_memory", lambda: 4 * own)
    build(config)
    monkeypatch.setattr(module, "available_memory", lambda: 4 * own - 1)
    with pytest.raises(InputError, match=f"into the {4 * own - 1:,} bytes of free memory, got"):
        build(config)


def test_the_sketch_draws_no_random_numbers() -> None:
    config = resolve("builtin:matte", {}, ["model.log2_table=8"])
    torch.manual_seed(0)
    direct = module.preset("ngp").make(config.model)
    torch.manual_seed(0)
    built = build(config)
    same = zip(direct.parameters(), built.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in same)


def test_memory_is_a_sensible_number() -> None:
    assert 2**28 < available_memory() < 2**50
