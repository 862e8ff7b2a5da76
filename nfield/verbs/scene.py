"""Evaluating and rendering scenes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from nfield.config import Config
from nfield.data.scene import Scene, Views
from nfield.errors import InputError
from nfield.evaluate.lpips import LPIPS
from nfield.evaluate.probe import Probe
from nfield.evaluate.protocol import Judged, evaluate_views
from nfield.export.sequence import write_sequence
from nfield.fields.model import Image, Model
from nfield.render.cameras import Cameras
from nfield.render.path import load_path, orbit
from nfield.train import held_out
from nfield.verbs.fitted import Fitted

BACKGROUNDS = {"white": (1.0, 1.0, 1.0), "black": (0.0, 0.0, 0.0)}
ORBIT_FRAMES = 60


def views_of(scene: Scene, split: str) -> Views:
    """The views of a split.

    Raises:
        InputError: the scene has no such split.
    """
    if split not in scene.splits:
        known = ", ".join(scene.splits)
        raise InputError(f"--split: split must be one of {known}, got {split!r}; choose one")
    return scene.splits[split]


def refined(scene: Scene, model: Model) -> Scene:
    """The scene with its training cameras where the fit found them to be."""
    if model.photos is None or model.photos.poses is None:
        return scene
    train = scene.splits["train"]
    corrected = dataclasses.replace(train, cameras=model.photos.poses.correct(train.cameras))
    return dataclasses.replace(scene, splits={**scene.splits, "train": corrected})


def background_of(config: Config, name: str | None = None) -> tuple[float, float, float]:
    """sRGB of `name`, or of the run's background; white where that was random."""
    if name is None:
        name = config.background if config.background in BACKGROUNDS else "white"
    if name not in BACKGROUNDS:
        known = ", ".join(BACKGROUNDS)
        raise InputError(f"--background: name must be one of {known}, got {name!r}; choose one")
    return BACKGROUNDS[name]


def probe_of(data: Any, config: Config) -> Probe | None:
    """What looks at the test views of a scene while it is fitted; None where there are none."""
    if not isinstance(data, Scene) or "test" not in data.splits:
        return None
    return Probe(data.splits["test"], background_of(config))


def evaluate(
    run: Fitted,
    *,
    split: str = "test",
    every: int = 1,
    lpips_weights: LPIPS | None = None,
    background: str | None = None,
    fit_poses: bool = False,
    watch: Callable[[Judged], None] | None = None,
) -> dict[str, Any]:
    """Judge views of a split, see `nfield.evaluate.protocol.evaluate_views`."""
    views, color = views_of(run.data, split), background_of(run.config, background)
    cameras = views.cameras
    if fit_poses:
        cameras = held_out.fit_poses(run.model, views, background or run.config.background)

    def render(index: int) -> NDArray[Any]:
        image: NDArray[Any] = run.model.render(cameras, index, background=color).color.numpy()
        return image

    result = evaluate_views(
        views, render, background=color, split=split, every=every, lpips=lpips_weights, watch=watch
    )
    return result | {"fitted_poses": True} if fit_poses else result


def render(
    run: Fitted,
    out: Path | None,
    *,
    path: str = "orbit",
    frames: int | None = None,
    what: str = "rgb",
    size: tuple[int, int] | None = None,
    watch: Callable[[int], None] = lambda total: None,
) -> Path:
    """Render along cameras to a video, or to a folder of pictures."""
    cameras = cameras_of(run.data, path, frames, size)
    out = out or run.renders / f"{Path(path).stem}-{what}.mp4"

    def image(index: int) -> Image:
        found: Image = run.model.render(
            cameras, index, background=background_of(run.config), normals=what == "normal"
        )
        return found

    write_sequence(out, len(cameras), image, what=what, watch=lambda: watch(len(cameras)))
    return out


def cameras_of(
    scene: Scene, path: str, frames: int | None = None, size: tuple[int, int] | None = None
) -> Cameras:
    """The cameras of an orbit, a split or a path file.

    Raises:
        InputError: there are no such cameras.
    """
    if path == "orbit":
        count = ORBIT_FRAMES if frames is None else frames
        return orbit(scene.splits["train"].cameras, count, size)
    if size is not None:
        raise InputError(f"--size: only an orbit has a free size, got --path {path}; remove it")
    cameras = scene.splits[path].cameras if path in scene.splits else load_path(path)
    return cameras if frames is None else cameras[evenly(len(cameras), frames)]


def evenly(total: int, count: int) -> list[int]:
    """`count` of `total` frames, evenly chosen.

    Raises:
        InputError: there are not as many.
    """
    if not 1 <= count <= total:
        raise InputError(
            f"--frames: number must be from 1 to {total} on this path, got {count}; correct it"
        )
    return [i * total // count for i in range(count)]
