"""Voxels: known density and colour at the middles of voxels, in the input's frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nfield.errors import InputError
from nfield.export import mesh
from nfield.export.solid import RadianceSolid
from nfield.export.voxels import radiance_voxels, write_voxels
from tests.export.analytic import BALL, COLOR, HALF, RADIUS, THRESHOLD, ball_model


def test_voxels_hold_the_density_and_colour_of_their_middles(tmp_path: Path) -> None:
    voxels = radiance_voxels(RadianceSolid(ball_model()), 20)
    write_voxels(tmp_path / "ball.npz", voxels)
    read = np.load(tmp_path / "ball.npz", allow_pickle=False)
    density, color = read["density"], read["color"]
    assert density.shape == (20, 20, 20) and read["voxel"] == 2 * HALF / 20
    index = np.stack(np.meshgrid(*[np.arange(20)] * 3, indexing="ij"), -1)
    place = read["low"] + (index + 0.5) * read["voxel"]
    r = np.linalg.norm(place - BALL, axis=-1)
    truth = THRESHOLD / HALF * np.exp(40 * (RADIUS - r) / HALF)
    assert density == pytest.approx(truth, rel=1e-4)  # exp of a float32 around 20
    shown = truth * read["voxel"] > 2e-4
    assert np.abs(color[shown] - 255 * np.array(COLOR)).max() <= 1
    assert not color[truth * read["voxel"] < 5e-5].any()


def test_a_box_of_voxels_lies_where_it_is_asked_for() -> None:
    solid = RadianceSolid(ball_model())
    voxels = radiance_voxels(solid, 8, box=(2.0, -3.0, 4.0, 4.0, -2.0, 5.0))
    assert voxels["density"].shape == (8, 4, 4)
    assert voxels["low"] == pytest.approx([2.0, -3.0, 4.0]) and voxels["voxel"] == 0.25


def test_what_cannot_be_written_is_refused(tmp_path: Path, monkeypatch) -> None:
    solid = RadianceSolid(ball_model())
    with pytest.raises(InputError, match=r"OpenVDB's library cannot be installed by pip"):
        write_voxels(tmp_path / "ball.vdb", {})
    with pytest.raises(InputError, match=r"voxels must end in \.npz, got \.raw"):
        write_voxels(tmp_path / "ball.raw", {})
    with pytest.raises(InputError, match="at least 4, got 1"):
        radiance_voxels(solid, 1)
    monkeypatch.setattr(mesh, "available_memory", lambda: 1000)
    with pytest.raises(InputError, match="must fit into the 1,000 bytes .* about 57,344 bytes"):
        radiance_voxels(solid, 16)
