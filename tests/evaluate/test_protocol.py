"""The protocol: compositing, rounding, the result's form, and which results may be compared."""

from __future__ import annotations

import copy
import hashlib
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfield.errors import InputError
from nfield.evaluate.metrics import psnr, ssim
from nfield.evaluate.protocol import PROTOCOL, compare, composite, evaluate_views, to_uint8

WHITE = (1.0, 1.0, 1.0)


def images(count: int, channels: int = 3, size: tuple[int, int] = (14, 18)) -> list[np.ndarray]:
    random = np.random.default_rng(channels)
    return [random.integers(0, 256, (*size, channels), dtype=np.uint8) for _ in range(count)]


def test_rounding_is_half_up_and_clipped():
    x = np.array([-1.0, 0.0, 0.499 / 255, 0.5 / 255, 1.5 / 255, 2.5 / 255, 1.0, 7.0])
    assert to_uint8(x).tolist() == [0, 0, 0, 1, 2, 3, 255, 255]


@given(st.integers(0, 255))
def test_every_level_survives_rounding_in_both_precisions(level):
    assert to_uint8(np.float64(level) / 255.0) == level
    assert to_uint8(np.float32(level) / np.float32(255.0)) == level


@given(st.integers(0, 255), st.integers(0, 255), st.sampled_from([0.0, 0.25, 1.0]))
def test_straight_alpha_is_composited_in_srgb(color, alpha, background):
    image = np.array([[[color, color, color, alpha]]], np.uint8)
    exact = (color * alpha / 255 + 255 * background * (255 - alpha) / 255) + 0.5
    got = composite(image, (background,) * 3)[0, 0, 0]
    # Where the exact value is a half to 1e-9, either neighbour is its rounding.
    assert got in {math.floor(exact - 1e-9), math.floor(exact + 1e-9)}


def test_transparent_pixels_become_the_background_and_opaque_ones_stay():
    image = np.array([[[10, 20, 30, 0], [10, 20, 30, 255]]], np.uint8)
    assert composite(image, (1.0, 0.0, 0.5)).tolist() == [[[255, 0, 128], [10, 20, 30]]]


def test_means_are_of_per_image_values(make_views):
    truth = images(3)
    shift = [1, 10, 40]

    def render(i: int) -> np.ndarray:
        return np.abs(truth[i].astype(float) - shift[i]) / 255.0

    result = evaluate_views(make_views(truth), render, background=WHITE)
    rounded = [
        np.abs(t.astype(int) - s).astype(np.uint8) for t, s in zip(truth, shift, strict=True)
    ]
    want = [psnr(p, t) for p, t in zip(rounded, truth, strict=True)]
    assert [row["psnr"] for row in result["views"]] == want
    assert result["mean"]["psnr"] == pytest.approx(sum(want) / 3, abs=1e-12)
    assert result["mean"]["ssim"] == pytest.approx(
        sum(ssim(p, t) for p, t in zip(rounded, truth, strict=True)) / 3, abs=1e-12
    )


def test_result_says_how_it_was_made(make_views):
    truth = images(5, channels=4)
    seen = []
    result = evaluate_views(
        make_views(truth),
        lambda i: np.zeros((14, 18, 3)),
        background=(0.0, 0.5, 1.0),
        split="val",
        every=2,
        watch=seen.append,
    )
    assert result["protocol"] == PROTOCOL == "nfield-nvs-1"
    assert (result["split"], result["every"], result["resolution"]) == ("val", 2, "18x14")
    assert result["background"] == [0.0, 0.5, 1.0]
    assert [row["name"] for row in result["views"]] == ["test/r_0", "test/r_2", "test/r_4"]
    assert result["mean"]["lpips"] is None
    assert result["lpips_reason"] == "no weights given: --lpips-weights"
    first = result["views"][0]
    assert first["truth_sha256"] == hashlib.sha256(composite(truth[0], (0.0, 0.5, 1.0))).hexdigest()
    assert first["prediction_sha256"] == hashlib.sha256(bytes(14 * 18 * 3)).hexdigest()
    assert [(one.done, one.total, one.index) for one in seen] == [(1, 3, 0), (2, 3, 2), (3, 3, 4)]
    assert seen[0].row is first
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_a_perfect_view_counts_as_one_level_in_one_value(make_views):
    truth = images(2)
    result = evaluate_views(make_views(truth), lambda i: truth[i] / 255.0, background=WHITE)
    nearly = truth[0].copy()
    nearly[0, 0, 0] ^= 1
    assert result["mean"]["psnr"] == pytest.approx(psnr(nearly, truth[0]), abs=1e-9)


def test_masked_pixels_do_not_count(make_views):
    truth = images(1)
    mask = np.ones((14, 18), bool)
    mask[3:6, 4:9] = False
    wrong = truth[0] / 255.0
    wrong[3:6, 4:9] = 1.0 - wrong[3:6, 4:9]
    views = make_views(truth, [mask])
    result = evaluate_views(views, lambda i: wrong, background=WHITE)
    assert result["mean"]["ssim"] == pytest.approx(1.0, abs=1e-12)


def test_lpips_is_asked_with_the_rounded_images(make_views):
    class Constant:
        def __init__(self):
            self.source = {"network": "vgg", "sha256": "0"}

        def __call__(self, prediction, truth, mask):
            assert prediction.dtype == truth.dtype == np.uint8
            return 0.25

    lpips = Constant()
    result = evaluate_views(
        make_views(images(2)), lambda i: np.zeros((14, 18, 3)), background=WHITE, lpips=lpips
    )
    assert result["mean"]["lpips"] == 0.25
    assert result["lpips_reason"] is None
    assert result["lpips_weights"] == lpips.source


def test_wrong_requests_are_refused(make_views):
    views = make_views(images(1))

    def render(i: int) -> np.ndarray:
        return np.zeros((14, 18, 3))

    with pytest.raises(InputError, match="--every: must be at least 1, got 0"):
        evaluate_views(views, render, background=WHITE, every=0)
    with pytest.raises(InputError, match="split 'val': must have at least one view"):
        evaluate_views(make_views([]), render, background=WHITE, split="val")
    with pytest.raises(InputError, match=r"background: must be three numbers from 0 to 1"):
        evaluate_views(views, render, background=(255.0, 255.0, 255.0))
    with pytest.raises(ValueError, match=r"return shape \(14, 18, 3\) for view 'test/r_0'"):
        evaluate_views(views, lambda i: np.zeros((18, 14, 3)), background=WHITE)
    with pytest.raises(InputError, match="'test/r_0': prediction must be finite, got 756 values"):
        evaluate_views(views, lambda i: np.full((14, 18, 3), np.nan), background=WHITE)


@pytest.fixture
def result(make_views):
    truth = images(3)
    return evaluate_views(make_views(truth), lambda i: 1.0 - truth[i] / 255.0, background=WHITE)


def test_compare_gives_second_minus_first(result):
    other = copy.deepcopy(result)
    other["mean"]["psnr"] += 1.5
    other["views"][1]["ssim"] -= 0.25
    difference = compare(result, other)
    assert difference["mean"] == {"psnr": pytest.approx(1.5), "ssim": 0.0, "lpips": None}
    assert [row["ssim"] for row in difference["views"]] == [0.0, pytest.approx(-0.25), 0.0]
    assert difference["views"][2]["name"] == "test/r_2"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("protocol", "other-1", "protocol 'nfield-nvs-1' and 'other-1'"),
        ("split", "val", "split 'test' and 'val'"),
        ("every", 20, "every 1 and 20"),
        ("resolution", "9x7", "resolution '18x14' and '9x7'"),
        ("background", [0.0, 0.0, 0.0], r"background \[1.0, 1.0, 1.0\] and \[0.0, 0.0, 0.0\]"),
    ],
)
def test_compare_refuses_results_made_differently(result, key, value, message):
    other = copy.deepcopy(result)
    other[key] = value
    with pytest.raises(InputError, match=f"must be made alike, got {message}; evaluate both"):
        compare(result, other)


def test_compare_names_all_differing_keys(result):
    other = copy.deepcopy(result) | {"every": 8, "split": "val"}
    with pytest.raises(InputError, match="split 'test' and 'val'; every 1 and 8"):
        compare(result, other)


def test_compare_refuses_other_images_and_other_lpips_weights(result):
    other = copy.deepcopy(result)
    other["views"][1]["truth_sha256"] = "0"
    with pytest.raises(InputError, match="other ground truth in test/r_1"):
        compare(result, other)
    other = copy.deepcopy(result)
    other["views"].pop()
    with pytest.raises(InputError, match="views that only one of them has: test/r_2"):
        compare(result, other)
    vgg, alex = ({"lpips_weights": {"network": n, "sha256": "0"}} for n in ("vgg", "alex"))
    with pytest.raises(InputError, match=r"lpips_weights .*vgg.* and .*alex"):
        compare(result | vgg, result | alex)
    assert compare(result | vgg, result)["mean"]["psnr"] == 0.0


def test_compare_refuses_what_is_no_result(result):
    with pytest.raises(InputError, match=r"a result must have protocol, .*views, got none"):
        compare(result, {})
