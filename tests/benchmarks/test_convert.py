"""The benchmark of conversions: its variants and edits are what the program understands."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks.convert import EDITS, MLP, VARIANTS
from nfield.config import Convert, defaults, override
from nfield.conversion.edits import parse_edits, write_edits
from nfield.fields.presets import preset


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=list(VARIANTS))
def test_variants_are_settings_of_a_conversion(settings: tuple[str, ...]) -> None:
    own = Convert(**preset("nerf").convert)
    base = dataclasses.replace(defaults("builtin:matte", "nerf"), convert=own)
    assert (override(base, settings) != base) == bool(settings)


def test_the_perceptron_is_that_of_the_paper() -> None:
    model = override(defaults("chair", "nerf"), MLP).model
    assert (model.hidden, model.width) == (8, 256)


def test_edits_pass_through_the_configuration() -> None:
    base = dataclasses.replace(defaults("builtin:matte", "voxel"), convert=Convert())
    found = override(base, [f"convert.edits={write_edits(EDITS)}"]).convert
    assert found is not None
    assert parse_edits(found.edits) == EDITS
