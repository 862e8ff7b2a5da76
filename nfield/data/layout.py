"""A picture of how cameras stand: seen along two axes of the world, with the scene's bounds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from nfield.chart import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Axis,
    Chart,
    round_numbers,
    stacked,
)
from nfield.data.scene import Scene, Views
from nfield.files import replacing

_COLORS = {"train": "#2a78d6", "test": "#e34948", "val": "#1baf7a"}
_STYLE = (
    "polyline{fill:none;stroke:currentColor;opacity:.5}circle{r:3px}"
    ".point{r:1px;fill:currentColor;opacity:.4}"
    + "".join(
        f"circle.{split}{{fill:{color}}}polyline.{split}{{stroke:{color}}}"
        for split, color in _COLORS.items()
    )
)
_POINTS, _CAMERAS = 2000, 300  # drawn of a split, evenly chosen: more say no more
_MARGIN = 1.15
_FRUSTUM = 0.06  # length of a camera's edges, of what is shown
# One line over all edges of a camera: 0 its position, 1 to 4 the corners of its image.
_EDGES = (1, 0, 2, 1, 4, 0, 3, 2, 3, 4)


def write_layout(scene: Scene, points: np.ndarray, out: Path) -> None:
    """Draw a scene's cameras, its bounds and points ``(N, 3)`` of it to an SVG file.

    Raises:
        InputError: a place that cannot be written to.
    """
    picture = layout(scene, points)
    with replacing(out) as temporary:
        temporary.write_text(picture, encoding="utf-8")


def layout(scene: Scene, points: np.ndarray) -> str:
    """The picture: the world's axis along which the scene is longest to the right, each of the
    others upward, all to one scale.
    """
    center, half = np.array(scene.bounds.center), scene.bounds.half_size
    places = [views.cameras.camera_to_world[:, :, 3].numpy() for views in scene.splits.values()]
    all_places = np.concatenate([*places, [center - half, center + half]])
    low, high = all_places.min(0), all_places.max(0)
    order = np.argsort(low - high, kind="stable").tolist()
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    extent = (high - low)[order]
    unit = _MARGIN * max(extent[0] / width, extent[1] / height)
    spans = {
        axis: _span((low + high)[axis] / 2, unit * (width if axis == order[0] else height))
        for axis in range(3)
    }
    charts = []
    for up in sorted(order[1:]):
        axes = (order[0], up)
        title = f"cameras of {scene.name} along {'xyz'[axes[0]]} and {'xyz'[axes[1]]}"
        x, y = (Axis(f"{'xyz'[axis]} of the world", *spans[axis]) for axis in axes)
        chart = Chart(title, _STYLE, x, y)
        _draw(chart, scene, points, axes, _FRUSTUM * unit * width)
        charts.append(chart)
    return stacked(f"cameras of {scene.name}", charts)


def _span(middle: float, length: float) -> tuple[tuple[float, float], list[tuple[float, str]]]:
    """An axis' ends, and the round numbers between them."""
    low, high = float(middle - length / 2), float(middle + length / 2)
    ticks = [(value, text) for value, text in round_numbers(low, high) if low <= value <= high]
    return (low, high), ticks


def _draw(
    chart: Chart, scene: Scene, points: np.ndarray, axes: tuple[int, int], length: float
) -> None:
    center, half = np.array(scene.bounds.center), scene.bounds.half_size
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)])
    chart.line("bounds", _flat(center[list(axes)] + half * corners))
    inside = points[:, axes]
    inside = inside[[chart.shows(point) for point in _flat(inside)]]
    for point in _flat(inside[:: 1 + len(inside) // _POINTS]):
        chart.dot("point", point)
    for split, views in scene.splits.items():
        label = f"{split}: {len(views)}"
        for shape in _cameras(views, length):
            chart.line(split, _flat(shape[list(_EDGES)][:, axes]))
            chart.dot(split, _flat(shape[:1, axes])[0], label)
            label = ""


def _cameras(views: Views, length: float) -> Iterator[np.ndarray]:
    """Position of a camera, and points at `length` on the rays through its image's corners: each
    (5, 3).
    """
    corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    for i in range(0, len(views), 1 + len(views) // _CAMERAS):
        pixels = corners * views.cameras.size[i].float()
        origin, direction = views.cameras.rays(torch.full((4,), i), pixels)
        yield torch.cat([origin[:1], origin + length * direction]).numpy()


def _flat(points: np.ndarray) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in points]
