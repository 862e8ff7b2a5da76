"""Depth and normals: read again by OpenEXR and Pillow, unprojected onto the surface."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nfield.errors import InputError
from nfield.export.maps import write_maps
from tests.export.analytic import BALL, RADIUS, around, ball_model
from tests.targets import needs

needs("OpenEXR", "png")
import OpenEXR  # noqa: E402 - an extra
import png  # noqa: E402 - an extra

SIZE = 32


def write(out: Path, what: str, format: str) -> dict:
    model, cameras = ball_model(), around(2, SIZE)
    write_maps(
        out,
        cameras,
        lambda i: model.render(cameras, i, normals=what == "normals"),
        what=what,
        format=format,
    )
    return json.loads((out / "transforms.json").read_text())


def rays(frame: dict) -> tuple[np.ndarray, np.ndarray]:
    """Origin and unit directions of a frame's pixels, in OpenGL's axes as the file says."""
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    pose = np.array(frame["transform_matrix"])
    local = [
        (x - frame["cx"]) / frame["fl_x"],
        -(y - frame["cy"]) / frame["fl_y"],
        -np.ones_like(x),
    ]
    direction = np.stack(local, -1) @ pose[:3, :3].T
    return pose[:3, 3], direction / np.linalg.norm(direction, axis=-1, keepdims=True)


def depth_of(path: Path, frame: dict) -> np.ndarray:
    if path.suffix == ".exr":
        return OpenEXR.File(str(path)).channels()["Z"].pixels
    value = np.asarray(Image.open(path)).astype(np.float64)
    return np.where(value > 0, value * frame["scale"], np.inf)


@pytest.mark.parametrize("format", ["exr", "png"])
def test_depth_leads_to_the_surface(format: str, tmp_path: Path) -> None:
    document = write(tmp_path / "depth", "depth", format)
    assert "along the ray" in document["depth"]
    for frame in document["frames"]:
        depth = depth_of(tmp_path / "depth" / frame["file_path"], frame)
        origin, direction = rays(frame)
        hit = np.isfinite(depth)
        across = np.linalg.norm(np.cross(BALL - origin, direction), axis=-1)
        assert hit[across < 0.9 * RADIUS].all() and not hit[across > 1.2 * RADIUS].any()
        near = across < 0.7 * RADIUS
        place = origin + depth[near][:, None] * direction[near]
        # Light is lost where the density grows e-fold in 1/20.
        assert np.abs(np.linalg.norm(place - BALL, axis=1) - RADIUS).max() < 0.06


@pytest.mark.parametrize("format", ["exr", "png"])
def test_normals_point_outward(format: str, tmp_path: Path) -> None:
    document = write(tmp_path / "normals", "normals", format)
    frame = document["frames"][1]
    path = tmp_path / "normals" / frame["file_path"]
    if format == "exr":
        channels = OpenEXR.File(str(path), separate_channels=True).channels()
        normal = np.stack([channels[name].pixels for name in "RGB"], -1)
    else:
        width, height, rows, info = png.Reader(bytes=path.read_bytes()).read()
        assert info["bitdepth"] == 16
        value = np.vstack([np.array(row, float) for row in rows]).reshape(height, width, 3)
        normal = np.where(value.any(-1, keepdims=True), value * 2 / 65535 - 1, 0)
    origin, direction = rays(frame)
    across = np.linalg.norm(np.cross(BALL - origin, direction), axis=-1)
    assert not normal[across > 1.2 * RADIUS].any()
    near = across < 0.6 * RADIUS
    along = ((BALL - origin) * direction).sum(-1) - np.sqrt(np.maximum(RADIUS**2 - across**2, 0))
    outward = (origin + along[..., None] * direction - BALL)[near]
    # Differences over two pixels of a coarse picture.
    assert (normal[near] * outward).sum(1).min() > 0.97


def test_wrong_formats_and_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--format: must be one of exr, png, got 'jpg'"):
        write(tmp_path / "depth", "depth", "jpg")
    with pytest.raises(InputError, match="--out must be a folder for maps, got a file"):
        write(tmp_path / "depth.exr", "depth", "exr")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("format", "package"), [("exr", "OpenEXR"), ("png", "png")])
def test_without_the_extra_a_sentence_says_how_to_get_it(
    format: str, package: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf'needs {package}.*"nfield-engine\[maps\]"'):
        write(tmp_path / "depth", "depth", format)
