"""Bounds pass through a checkpoint unchanged."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.torch import load, save

from nfield.render.bounds import Bounds


@pytest.mark.parametrize("hull", [None, np.random.default_rng(0).random((8, 8, 8)) < 0.5])
@pytest.mark.parametrize("unbounded", [False, True])
def test_state_round_trips_exactly(hull: np.ndarray | None, unbounded: bool) -> None:
    bounds = Bounds((0.1, -1 / 3, 1e-20), 2**0.5, unbounded, hull)
    tensors, meta = bounds.state()
    again = Bounds.from_state(load(save(tensors)), json.loads(json.dumps(meta)))
    assert (again.center, again.half_size) == (bounds.center, bounds.half_size)
    assert again.unbounded is unbounded
    if hull is None:
        assert again.hull is None
    else:
        assert again.hull is not None and again.hull.dtype == bool
        np.testing.assert_array_equal(again.hull, hull)
