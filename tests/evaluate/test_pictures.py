"""Judging images and videos: the protocol's numbers, by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from nfield.data.clip import Clip
from nfield.data.picture import Picture
from nfield.data.raster import Raster
from nfield.errors import InputError
from nfield.evaluate.metrics import psnr, ssim
from nfield.evaluate.pictures import evaluate_clip, evaluate_picture
from nfield.evaluate.protocol import compare, to_uint8
from tests.targets import pattern


def clip(frames: int = 5) -> Clip:
    values = torch.from_numpy(np.stack([pattern(0.2 * i) for i in range(frames)]))
    return Clip("clip", "clip.mp4", Raster(values), 25.0)


def test_an_image_is_judged_in_8_bits() -> None:
    picture = Picture("photo", "photo.png", Raster(torch.from_numpy(pattern())))
    rendered = np.clip(pattern() / 255 + 0.03, 0, 1)
    result = evaluate_picture(picture, lambda _: rendered)
    assert (result["protocol"], result["resolution"]) == ("nfield-image-1", "48x40")
    assert result["mean"]["psnr"] == psnr(to_uint8(rendered), pattern())
    assert result["mean"]["ssim"] == ssim(to_uint8(rendered), pattern())
    assert [row["name"] for row in result["views"]] == ["photo"]
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_grey_images_are_judged_in_their_channel() -> None:
    grey = pattern()[..., :1]
    picture = Picture("photo", "photo.png", Raster(torch.from_numpy(grey)))
    result = evaluate_picture(picture, lambda _: np.full(grey.shape, 0.5))
    assert result["mean"]["psnr"] == psnr(np.full_like(grey, 128), grey)


def test_frames_are_judged_one_by_one() -> None:
    seen = []

    def render(i: int) -> np.ndarray:
        return np.full((40, 48, 3), i / 10)

    result = evaluate_clip(clip(), render, every=2, watch=seen.append)
    assert (result["protocol"], result["every"]) == ("nfield-video-1", 2)
    assert [row["name"] for row in result["views"]] == ["frame 0000", "frame 0002", "frame 0004"]
    want = [psnr(to_uint8(render(i)), pattern(0.2 * i)) for i in (0, 2, 4)]
    assert result["mean"]["psnr"] == pytest.approx(np.mean(want), abs=1e-12)
    assert [(one.done, one.total, one.index) for one in seen] == [(1, 3, 0), (2, 3, 2), (3, 3, 4)]


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(InputError, match="--every: must be at least 1, got 0"):
        evaluate_clip(clip(), lambda i: np.zeros((40, 48, 3)), every=0)
    with pytest.raises(InputError, match="prediction must be finite"):
        evaluate_clip(clip(), lambda i: np.full((40, 48, 3), np.nan))


def test_results_of_different_protocols_are_not_compared() -> None:
    result = evaluate_clip(clip(2), lambda i: np.zeros((40, 48, 3)))
    assert compare(result, result)["mean"]["psnr"] == 0.0
    with pytest.raises(InputError, match="protocol 'nfield-video-1' and 'nfield-image-1'"):
        compare(result, result | {"protocol": "nfield-image-1"})
