"""The evaluation protocol: how a rendered view is judged, and when two results may be compared.

Protocol "nfield-nvs-1" is that of NerfBaselines ("nerf"): ground truth with straight alpha is
composited on the background in sRGB; truth and prediction are rounded to 8 bits, half up; PSNR
and SSIM are taken per image and averaged over the images. LPIPS only with weights the user gives.
"""

from __future__ import annotations

import hashlib
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nfield.data.scene import Views
from nfield.errors import InputError
from nfield.evaluate.lpips import LPIPS
from nfield.evaluate.metrics import psnr, ssim

PROTOCOL = "nfield-nvs-1"
METRICS = ("psnr", "ssim", "lpips")
NO_LPIPS = "no weights given: --lpips-weights"
# Where a result has them.
_SAME = ("protocol", "split", "every", "resolution", "background", "fitted_poses")
_NEEDED = ("protocol", "resolution", "mean", "views")


@dataclass(frozen=True)
class Judged:
    """One view after its judgement, for progress bars and pictures."""

    done: int
    total: int
    index: int  # of the view in its split
    row: dict[str, Any]  # the view's entry in the result
    truth: NDArray[np.uint8]  # (H, W, 3)
    prediction: NDArray[np.uint8]  # (H, W, 3)


def to_uint8(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Round values in [0, 1], clipped, to 8 bits: floor(255 x + 1/2)."""
    scaled = np.clip(np.asarray(image, np.float64), 0.0, 1.0) * 255.0
    return np.floor(scaled + 0.5).astype(np.uint8)


def composite(
    image: NDArray[np.uint8], background: tuple[float, float, float]
) -> NDArray[np.uint8]:
    """Composite an image with straight alpha on a background, in sRGB, and round to 8 bits.

    Shape
        image ``(H, W, C)`` uint8 -> ``(H, W, 3)`` uint8 for C = 4; others are returned as they are
    """
    if image.shape[2] != 4:
        return image
    alpha = image[..., 3:] / 255.0
    return to_uint8(image[..., :3] / 255.0 * alpha + np.asarray(background) * (1.0 - alpha))


class Truths(Protocol):
    """Images to judge renders by: the views of a split, one picture, the frames of a video."""

    def __len__(self) -> int: ...

    @property
    def names(self) -> Sequence[str]: ...

    def image(self, i: int) -> NDArray[np.uint8]:
        """``(H, W, C)`` uint8."""
        ...

    def mask(self, i: int) -> NDArray[np.bool_] | None:
        """``(H, W)``, True where the pixel counts; None when all do."""
        ...


def evaluate_views(
    views: Views,
    render: Callable[[int], NDArray[Any]],
    *,
    background: tuple[float, float, float],
    split: str = "test",
    every: int = 1,
    lpips: LPIPS | None = None,
    watch: Callable[[Judged], None] | None = None,
) -> dict[str, Any]:
    """Judge views 0, every, 2 every, ... of a split under the protocol.

    Args:
        render: View index -> ``(H, W, 3)`` floats in [0, 1], composited on `background`.
        background: sRGB in [0, 1].
        watch: Called after each view.

    Returns:
        What ``metrics.json`` holds, but for what only the caller knows (seed, device, checkpoint):
        ``protocol, split, every, resolution, background, mean, lpips_weights, lpips_reason,
        seconds_per_view_median, views``; each view has ``name, psnr, ssim, lpips, seconds,
        truth_sha256, prediction_sha256``. The sums are of the 8-bit RGB values, row by row. An
        image without any error has an infinite PSNR, which JSON cannot hold and no mean survives:
        it is given that of an error of one level in one value, 48.1 dB + 10 log10(H W 3).

    Raises:
        InputError: no views, `every` below 1, a background outside [0, 1], an image too small for
            a metric, a prediction with NaN.
        ValueError: `render` returns another shape than the view has.
    """
    if not len(views):
        raise InputError(f"split {split!r}: must have at least one view, got none")
    if len(background) != 3 or not all(0.0 <= value <= 1.0 for value in background):
        raise InputError(f"background: must be three numbers from 0 to 1, got {background}")
    return {
        "protocol": PROTOCOL,
        "split": split,
        "every": every,
        "background": [float(value) for value in background],
        **judge(views, render, background=background, every=every, lpips=lpips, watch=watch),
    }


def judge(
    truths: Truths,
    render: Callable[[int], NDArray[Any]],
    *,
    background: tuple[float, float, float] = (1.0, 1.0, 1.0),
    every: int = 1,
    lpips: LPIPS | None = None,
    watch: Callable[[Judged], None] | None = None,
) -> dict[str, Any]:
    """Judge images 0, every, 2 every, ...: part of what `evaluate_views` returns.

    Returns:
        ``resolution, mean, lpips_weights, lpips_reason, seconds_per_view_median, views``.
    """
    if every < 1:
        raise InputError(f"--every: must be at least 1, got {every}")
    chosen = range(0, len(truths), every)
    rows: list[dict[str, Any]] = []
    sizes = set()
    for index in chosen:
        start = time.perf_counter()
        rendered = render(index)
        seconds = time.perf_counter() - start
        truth = composite(truths.image(index), background)
        sizes.add((truth.shape[1], truth.shape[0]))
        prediction = _rounded(rendered, truth, truths.names[index])
        row = {
            "name": truths.names[index],
            **_scores(prediction, truth, truths.mask(index), lpips),
            "seconds": seconds,
            "truth_sha256": _digest(truth),
            "prediction_sha256": _digest(prediction),
        }
        rows.append(row)
        if watch is not None:
            watch(Judged(len(rows), len(chosen), index, row, truth, prediction))
    return {
        "resolution": ", ".join(f"{width}x{height}" for width, height in sorted(sizes)),
        "mean": {key: _mean([row[key] for row in rows]) for key in METRICS},
        "lpips_weights": None if lpips is None else lpips.source,
        "lpips_reason": NO_LPIPS if lpips is None else None,
        "seconds_per_view_median": statistics.median(row["seconds"] for row in rows),
        "views": rows,
    }


def compare(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    """Differences b - a of two results, per view and of the means.

    Returns:
        ``{protocol, mean: {psnr, ssim, lpips}, views: [{name, psnr, ssim, lpips}]}``; a metric
        that either result lacks is None.

    Raises:
        InputError: the two are not results, or were made under different protocols, splits,
            strides, resolutions, backgrounds or LPIPS weights, or of different images.
    """
    for result in (a, b):
        missing = [key for key in _NEEDED if key not in result]
        if missing:
            raise InputError(
                f"compare: a result must have {', '.join(missing)}, got none; "
                "give two metrics.json files written by nfield eval"
            )
    keys = list(_SAME)
    if a.get("lpips_weights") and b.get("lpips_weights"):
        keys.append("lpips_weights")
    pairs = [(key, a.get(key), b.get(key)) for key in keys]
    differing = [f"{key} {one!r} and {two!r}" for key, one, two in pairs if one != two]
    if not differing:
        differing = _differing_views(a["views"], b["views"])
    if differing:
        raise InputError(
            f"compare: results must be made alike, got {'; '.join(differing)}; "
            "evaluate both runs the same way"
        )
    return {
        "protocol": a["protocol"],
        "mean": _difference(a["mean"], b["mean"]),
        "views": [
            {"name": one["name"], **_difference(one, two)}
            for one, two in zip(a["views"], b["views"], strict=True)
        ],
    }


def _rounded(rendered: NDArray[Any], truth: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    rendered = np.asarray(rendered)
    if rendered.shape != truth.shape:
        raise ValueError(
            f"evaluate_views: render must return shape {truth.shape} for view {name!r}, "
            f"got {rendered.shape}"
        )
    bad = int(np.count_nonzero(~np.isfinite(rendered)))
    if bad:
        raise InputError(
            f"view {name!r}: prediction must be finite, got {bad} values that are not; "
            "the field has diverged, fit again with a smaller train.learning_rate"
        )
    return to_uint8(rendered)


def _scores(
    prediction: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    mask: NDArray[np.bool_] | None,
    lpips: LPIPS | None,
) -> dict[str, float | None]:
    ceiling = 10.0 * math.log10(255.0**2 * truth.size)
    return {
        "psnr": min(psnr(prediction, truth, mask), ceiling),
        "ssim": ssim(prediction, truth, mask),
        "lpips": None if lpips is None else lpips(_rgb(prediction), _rgb(truth), mask),
    }


def _rgb(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.broadcast_to(image, (*image.shape[:2], 3))


def _digest(image: NDArray[np.uint8]) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def _difference(a: dict[str, Any], b: dict[str, Any]) -> dict[str, float | None]:
    known = {key: (a.get(key), b.get(key)) for key in METRICS}
    return {
        key: None if one is None or two is None else two - one for key, (one, two) in known.items()
    }


def _differing_views(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> list[str]:
    names_a, names_b = ([row["name"] for row in rows] for rows in (a, b))
    if names_a != names_b:
        only = sorted(set(names_a) ^ set(names_b))
        return [f"views that only one of them has: {', '.join(only[:5])}" if only else "view order"]
    changed = [
        one["name"]
        for one, two in zip(a, b, strict=True)
        if one["truth_sha256"] != two["truth_sha256"]
    ]
    return [f"other ground truth in {', '.join(changed[:5])}"] if changed else []
