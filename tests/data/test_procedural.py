"""Built-in scenes: images, cameras and ground truth agree, and come out the same every time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nfield.data.load import load_scene
from nfield.data.models import MODELS
from nfield.errors import InputError


@pytest.fixture(scope="module", params=list(MODELS))
def views(request):
    return load_scene(f"builtin:{request.param}", downscale=2).splits["test"]


def _rays(views, i):
    width, height = views.cameras.size[i].tolist()
    y, x = np.mgrid[:height, :width] + 0.5
    pixels = torch.tensor(np.stack([x, y], -1).reshape(-1, 2), dtype=torch.float32)
    origin, direction = views.cameras.rays(torch.full((len(pixels),), i), pixels)
    shape = (height, width, 3)
    return origin.numpy().reshape(shape), direction.numpy().reshape(shape)


def test_splits_and_sizes():
    scene = load_scene("builtin:matte")
    assert {split: len(views) for split, views in scene.splits.items()} == {"train": 64, "test": 16}
    assert scene.splits["train"].cameras.size.unique().tolist() == [200]
    assert (scene.name, scene.path) == ("matte", "builtin:matte")
    assert scene.splits["train"].names[3] == "train/003"
    assert scene.splits["test"].mask(0) is None


def test_truth_is_depth_unit_normals_facing_the_camera_and_albedo(views):
    truth = views.truth(0)
    _, direction = _rays(views, 0)
    hit = np.isfinite(truth["depth"])
    assert 0.05 < hit.mean() < 0.6
    assert (truth["depth"][~hit] == np.inf).all() and (truth["normal"][~hit] == 0).all()
    # Unit to float32 rounding.
    assert np.allclose(np.linalg.norm(truth["normal"][hit], axis=1), 1, atol=1e-6)
    assert ((truth["normal"] * direction).sum(-1)[hit] <= 1e-6).all()
    assert (truth["albedo"][hit] > 0).any() and truth["albedo"].max() <= 1
    # Everything is within 1.25 of the origin, 4.4 away.
    assert truth["depth"][hit].min() > 4.4 - 1.4 and truth["depth"][hit].max() < 4.4 + 1.4


def test_alpha_agrees_with_truth(views):
    alpha = views.image(1)[..., 3]
    hit = np.isfinite(views.truth(1)["depth"])
    # The centre of a pixel lies between its rays of 6 x 6, all of which full pixels hit.
    assert hit[alpha == 255].all()
    assert not hit[alpha == 0].any()
    assert (views.image(1)[alpha == 0] == 0).all()
    # Alpha is the covered share of each pixel: its mean is the centres' up to edges, half covered.
    edges = (alpha > 0) & (alpha < 255)
    assert abs(alpha.mean() / 255 - hit.mean()) < 0.1 * edges.mean()


def test_points_seen_from_one_camera_are_not_behind_what_another_sees(views):
    origin, direction = _rays(views, 2)
    depth = views.truth(2)["depth"]
    hit = np.isfinite(depth)
    points = (origin + depth[..., None] * direction)[hit]
    pixels, _ = views.cameras.project(
        torch.full((len(points),), 3), torch.tensor(points.astype(np.float32))
    )
    distance = np.linalg.norm(points - origin_of(views, 3), axis=1)
    x, y = np.floor(pixels.numpy()).astype(int).T.clip(0, 99)
    other = views.truth(3)["depth"]
    # Between two pixel centres a surface may pass by thin parts; nowhere else may it lie nearer
    # to the camera than the surface seen there.
    around = np.stack(
        [
            other[np.clip(y + j, 0, 99), np.clip(x + i, 0, 99)]
            for j in (-1, 0, 1)
            for i in (-1, 0, 1)
        ]
    )
    nearer = distance < around.min(0) - 0.05
    assert nearer.mean() < 0.01
    # A good part is in full view of both.
    assert (np.abs(distance - other[y, x]) < 0.05).mean() > 0.3


def origin_of(views, i):
    return views.cameras.camera_to_world[i, :, 3].numpy()


def test_the_same_bits_twice():
    first, second = (load_scene("builtin:glossy", downscale=4).splits["test"] for _ in range(2))
    assert np.array_equal(first.image(5), second.image(5))
    for name, value in first.truth(5).items():
        assert np.array_equal(value, second.truth(5)[name]), name


def test_returned_images_are_the_callers_own():
    views = load_scene("builtin:matte", downscale=8).splits["test"]
    views.image(0)[:] = 7
    assert not (views.image(0) == 7).all()


def test_downscaling_keeps_the_mean():
    scenes = [load_scene("builtin:matte", downscale=k).splits["test"].image(0) for k in (4, 8)]
    large, small = (image.astype(float) for image in scenes)
    weight = large[..., 3:] / 255
    alpha = weight.reshape(25, 2, 25, 2).mean((1, 3))
    color = (large[..., :3] * weight).reshape(25, 2, 25, 2, 3).mean((1, 3)) / np.maximum(
        alpha, 1e-9
    )[..., None]
    full = alpha > 0.999
    # Both average the same rays of a full pixel, each rounding to 8 bits.
    assert np.abs(small[..., :3] - color)[full].max() <= 1.0
    assert np.abs(small[..., 3] / 255 - alpha).max() < 0.005


@pytest.mark.parametrize(("data", "downscale"), [("builtin:shiny", 1), ("builtin:matte", 201)])
def test_refuses_unknown_names_and_sizes(data, downscale):
    with pytest.raises(InputError, match="must (name one of matte, glossy, thin|be at most 200)"):
        load_scene(data, downscale=downscale)
