"""The method for NerfBaselines: its cameras, its checkpoints and its renders.

What needs no package of theirs is tested with the same objects written here.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from nfield.data.load import load_scene
from nfield.errors import InputError
from nfield.nerfbaselines.dataset import to_cameras, to_scene
from nfield.nerfbaselines.method import NField, configured

SMALL = {
    "max_steps": "12",
    "train.samples": "4096",
    "train.rays": "256",
    "model.log2_table": "12",
    "occupancy.resolution": "32",
}


@dataclasses.dataclass
class TheirCameras:
    """As `nerfbaselines.Cameras` has them."""

    poses: np.ndarray
    intrinsics: np.ndarray
    camera_models: np.ndarray
    distortion_parameters: np.ndarray
    image_sizes: np.ndarray

    def __getitem__(self, index: Any) -> TheirCameras:
        return TheirCameras(*(getattr(self, f.name)[index] for f in dataclasses.fields(self)))

    def item(self) -> TheirCameras:
        return self if self.poses.ndim == 2 else self[0]


@pytest.fixture(scope="module")
def dataset() -> dict[str, Any]:
    views = load_scene("builtin:matte", downscale=8).splits["train"]
    count = len(views)
    return {
        "cameras": TheirCameras(
            views.cameras.camera_to_world.numpy(),
            views.cameras.intrinsics.numpy(),
            np.zeros(count, np.int32),
            np.zeros((count, 0), np.float32),
            views.cameras.size.numpy(),
        ),
        "images": [views.image(i) for i in range(count)],
        "masks": None,
        "image_paths": [f"/data/{name}.png" for name in views.names],
        "image_paths_root": "/data",
        "metadata": {"background_color": np.array([255, 255, 255], np.uint8)},
    }


def trained(dataset: dict[str, Any], steps: int, **given: Any) -> NField:
    method = NField(train_dataset=dataset, config_overrides=SMALL, **given)
    for step in range(method.get_info()["loaded_step"] or 0, steps):
        method.train_iteration(step)
    return method


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_lenses_are_theirs(dataset: dict[str, Any]) -> None:
    """Their formulas, by hand, of the point where each ray of ours goes."""
    k1, k2, p1, p2, k3, k4 = given = (0.1, -0.05, 0.01, -0.02, 0.03, -0.01)
    ours = to_cameras(
        TheirCameras(
            np.eye(4, dtype=np.float32)[None, :3].repeat(2, 0),
            np.array([[40.0, 42.0, 16.0, 12.0]] * 2, np.float32),
            np.array([1, 2], np.int32),
            np.array([given] * 2, np.float32),
            np.array([[32, 24]] * 2, np.int32),
        )
    )
    pixel = torch.tensor([[20.5, 9.5], [20.5, 9.5]])
    _, directions = ours.rays(torch.tensor([0, 1]), pixel)
    (u, v), (a, b) = (directions[:, :2] / directions[:, 2:]).double().tolist()
    r2 = u * u + v * v
    radial = 1 + k1 * r2 + k2 * r2**2
    x = u * radial + 2 * p1 * u * v + p2 * (r2 + 2 * u * u)
    y = v * radial + 2 * p2 * u * v + p1 * (r2 + 2 * v * v)
    r = math.hypot(a, b)
    t = math.atan(r)
    scale = t * (1 + k1 * t**2 + k2 * t**4 + k3 * t**6 + k4 * t**8) / r
    got = torch.tensor([[40 * x + 16, 42 * y + 12], [40 * a * scale + 16, 42 * b * scale + 12]])
    assert_close(got, pixel, atol=1e-4, rtol=0)  # float32 directions, in pixels


def test_camera_models_that_lenses_do_not_hold_are_refused(dataset: dict[str, Any]) -> None:
    cameras = dataclasses.replace(dataset["cameras"], camera_models=np.array([0, 3]))
    with pytest.raises(InputError, match="models must be of pinhole, opencv"):
        to_cameras(cameras)


def test_scenes_are_the_datasets(dataset: dict[str, Any]) -> None:
    views = load_scene("builtin:matte", downscale=8).splits["train"]
    ours = to_scene(dataset).splits["train"]
    assert torch.equal(ours.cameras.camera_to_world, views.cameras.camera_to_world)
    assert ours.names[0] == f"{views.names[0]}.png" and ours.mask(0) is None
    assert np.array_equal(ours.image(3), views.image(3))
    padded = [np.pad(image, ((0, 3), (0, 5), (0, 0))) for image in dataset["images"]]
    masks = [np.pad(np.ones(image.shape[:2], bool), 4) for image in dataset["images"]]
    again = to_scene({**dataset, "images": padded, "masks": masks}).splits["train"]
    assert np.array_equal(again.image(3), views.image(3))
    mask = again.mask(0)
    assert mask is not None and mask.shape == views.image(0).shape[:2] and not mask[0, 0]


def test_equal_fits_have_equal_bytes_and_saving_again_changes_none(
    dataset: dict[str, Any], tmp_path: Path
) -> None:
    for name in ("one", "two"):
        trained(dataset, 12).save(str(tmp_path / name))
    one = content(tmp_path / "one")
    assert one == content(tmp_path / "two") and set(one) == {
        "config.toml",
        "checkpoint.safetensors",
    }
    NField(checkpoint=str(tmp_path / "one")).save(str(tmp_path / "loaded"))
    NField(checkpoint=str(tmp_path / "one"), train_dataset=dataset).save(str(tmp_path / "resumed"))
    assert content(tmp_path / "loaded") == one and content(tmp_path / "resumed") == one


def test_training_goes_on_to_the_bit(dataset: dict[str, Any], tmp_path: Path) -> None:
    trained(dataset, 12).save(str(tmp_path / "whole"))
    trained(dataset, 7).save(str(tmp_path / "half"))
    resumed = trained(dataset, 12, checkpoint=str(tmp_path / "half"))
    assert resumed.get_info()["loaded_step"] == 7
    resumed.save(str(tmp_path / "resumed"))
    assert content(tmp_path / "whole") == content(tmp_path / "resumed")


def test_loaded_models_render_the_same_over_the_datasets_background(
    dataset: dict[str, Any], tmp_path: Path
) -> None:
    method = trained(dataset, 12)
    method.save(str(tmp_path / "run"))
    camera = dataset["cameras"][0]
    first = method.render(camera)
    again = NField(checkpoint=str(tmp_path / "run")).render(camera)
    assert set(first) == {"color", "depth", "accumulation"}
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert np.isfinite(first["depth"]).all()
    height, width = dataset["images"][0].shape[:2]
    assert first["color"].shape == (height, width, 3)
    empty = first["accumulation"] == 0
    assert empty.any() and (first["color"][empty] == 1).all()
    rounded = method.render(
        camera, options={"output_type_dtypes": {"color": "uint8"}, "outputs": ("color",)}
    )
    assert list(rounded) == ["color"]
    assert np.array_equal(rounded["color"], np.floor(first["color"] * 255.0 + 0.5).astype(np.uint8))


def test_settings_are_those_of_configurations() -> None:
    config = configured({"field": "voxel", "max_steps": "500", "model.resolution": "64"})
    assert (config.field, config.max_steps, config.train.decay_steps) == ("voxel", 500, 500)
    assert config.model.resolution == 64
    with pytest.raises(InputError, match="keys must be known, got 'model.widht'"):
        configured({"model.widht": "8"})


def test_it_is_registered() -> None:
    nerfbaselines = pytest.importorskip("nerfbaselines", reason="nerfbaselines is not installed")
    spec = nerfbaselines.get_method_spec("nfield")
    with nerfbaselines.build_method_class(spec, "python") as method:
        assert method is NField
