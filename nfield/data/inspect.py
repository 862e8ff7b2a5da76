"""What a scene holds, and what looks wrong with it."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from PIL import Image

from nfield.data.images import Photos, reduce
from nfield.data.scene import Scene, Views
from nfield.data.silhouette import field_radii
from nfield.render.cameras import LENSES
from nfield.render.focus import find_focus

# Sharpness is compared at this size, where noise and grain no longer count.
_SHARPNESS_SIDE = 512
_BLURRED = 0.2
_DISTANCE_RATIO = 20.0
_FIELD_OF_VIEW = (5.0, 170.0)
_SHOWN = 5


def inspect_scene(scene: Scene) -> tuple[dict[str, Any], list[str]]:
    """Describe a scene and warn of what looks wrong: a report that JSON can hold, and sentences.

    Units: distances and bounds in the world's, focal lengths in pixels, angles in degrees.
    """
    everything = [(split, i) for split, views in scene.splits.items() for i in range(len(views))]
    train = scene.splits["train"]
    distance = _distances(scene)
    angle = np.concatenate([_field_of_view(views) for views in scene.splits.values()])
    report = {
        "name": scene.name,
        "path": scene.path,
        "format": scene.format,
        "units": scene.units,
        "views": len(everything),
        "alpha": train.channels == 4,
        "splits": {split: _describe(views) for split, views in scene.splits.items()},
        "field_of_view": _span(angle),
        "camera_distance": _span(distance),
        "bounds": {
            "center": list(scene.bounds.center),
            "half_size": scene.bounds.half_size,
            "unbounded": scene.bounds.unbounded,
            "hull_share": None if scene.bounds.hull is None else float(scene.bounds.hull.mean()),
        },
    }
    warnings = list(scene.notes)
    warnings += _odd_scales(scene, distance, angle)
    warnings += _looking_away(scene)
    warnings += _repeated_poses(scene)
    if isinstance(train.source, Photos):
        warnings += _repeated_files(scene)
        warnings += _blurred(train)
    return report, warnings


def _describe(views: Views) -> dict[str, Any]:
    cameras = views.cameras
    return {
        "views": len(views),
        "sizes": sorted({(int(w), int(h)) for w, h in cameras.size.tolist()}),
        "lenses": sorted({LENSES[i] for i in cameras.lens.tolist()}),
        "distorted": bool((cameras.distortion != 0).any()),
        "focal": _span(cameras.intrinsics[:, :2].numpy()),
    }


def _span(values: np.ndarray) -> list[float]:
    return [float(values.min()), float(values.max())]


def _distances(scene: Scene) -> np.ndarray:
    """Distances of all cameras to the centre of the bounds."""
    origins = [views.cameras.camera_to_world[:, :, 3].numpy() for views in scene.splits.values()]
    return np.linalg.norm(np.concatenate(origins) - np.array(scene.bounds.center), axis=1)


def _field_of_view(views: Views) -> np.ndarray:
    """Horizontal angle of a pinhole camera with the same focal length, in degrees."""
    width, focal = views.cameras.size[:, 0].numpy(), views.cameras.intrinsics[:, 0].numpy()
    return np.degrees(2 * np.arctan(width / (2 * focal)))


def _odd_scales(scene: Scene, distance: np.ndarray, angle: np.ndarray) -> Iterable[str]:
    if distance.max() > _DISTANCE_RATIO * distance.min():
        yield (
            f"camera distances to the centre differ more than {_DISTANCE_RATIO:g} times "
            f"({distance.min():.3g} to {distance.max():.3g}): some poses may be wrong"
        )
    if angle.min() < _FIELD_OF_VIEW[0] or angle.max() > _FIELD_OF_VIEW[1]:
        yield (
            f"fields of view go from {angle.min():.1f} to {angle.max():.1f} degrees: "
            "focal lengths may be in other units than pixels"
        )
    if not scene.bounds.unbounded and scene.bounds.hull is None:
        yield (
            "no point in space is inside the silhouettes of all views: "
            "poses and images may not belong together"
        )


def _looking_away(scene: Scene) -> Iterable[str]:
    """Cameras whose cone of view does not hold the centre, where there is one to look at."""
    if find_focus(scene.splits["train"].cameras) is None:
        return
    away = []
    for views in scene.splits.values():
        pose = views.cameras.camera_to_world.double().numpy()
        toward = np.array(scene.bounds.center) - pose[:, :, 3]
        cosine = (toward * pose[:, :, 2]).sum(1) / np.maximum(np.linalg.norm(toward, axis=1), 1e-12)
        outside = cosine < np.cos(field_radii(views.cameras))
        away += [views.names[i] for i in outside.nonzero()[0]]
    if away:
        yield f"{_count(away, 'camera looks', 'cameras look')} away from the centre: {_some(away)}"


def _repeated_poses(scene: Scene) -> Iterable[str]:
    def pose(views: Views, i: int) -> Hashable:
        return views.cameras.camera_to_world[i].numpy().tobytes()

    return _repeats(scene, pose, "the same pose")


def _repeated_files(scene: Scene) -> Iterable[str]:
    def content(views: Views, i: int) -> Hashable:
        assert isinstance(views.source, Photos)
        with open(views.source.files[i], "rb") as file:
            return hashlib.sha256(file.read()).digest()

    return _repeats(scene, content, "the same image")


def _repeats(scene: Scene, key: Callable[[Views, int], Hashable], what: str) -> Iterable[str]:
    """A warning for frames that share a key within a split, and one for those shared with train."""
    groups: dict[Hashable, list[tuple[str, str]]] = defaultdict(list)
    for split, views in scene.splits.items():
        for i, name in enumerate(views.names):
            groups[key(views, i)].append((split, name))
    shared = [group for group in groups.values() if len(group) > 1]
    within = [" = ".join(name for _, name in g) for g in shared if len({s for s, _ in g}) == 1]
    across = [" = ".join(name for _, name in g) for g in shared if len({s for s, _ in g}) > 1]
    if within:
        yield f"{_count(within, 'group', 'groups')} of frames with {what}: {_some(within)}"
    if across:
        yield (
            f"{_count(across, 'test or validation frame has', 'test or validation frames have')} "
            f"{what} as a training frame: {_some(across)}"
        )


def _blurred(views: Views) -> Iterable[str]:
    """Frames whose Laplacian varies far less than that of the median frame."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        found = pool.map(lambda i: _sharpness(views.image(i)), range(len(views)))
        sharpness = np.array(list(found))
    low = (sharpness < _BLURRED * np.median(sharpness)).nonzero()[0]
    names = [views.names[i] for i in low]
    if names:
        yield f"{_count(names, 'frame looks', 'frames look')} blurred or empty: {_some(names)}"


def _sharpness(image: np.ndarray) -> float:
    """Variance of the Laplacian of the grey image, on black, at reduced size."""
    picture = Image.fromarray(image)
    if image.shape[2] == 4:
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "black"), picture)
    grey = picture.convert("L")
    factor = max(1, max(grey.size) // _SHARPNESS_SIDE)
    value = np.asarray(reduce(grey, factor), dtype=np.float32)
    neighbours = value[:-2, 1:-1] + value[2:, 1:-1] + value[1:-1, :-2] + value[1:-1, 2:]
    return float((neighbours - 4 * value[1:-1, 1:-1]).var()) if min(value.shape) > 2 else 0.0


def _count(names: Sequence[str], one: str, many: str) -> str:
    return f"{len(names)} {one if len(names) == 1 else many}"


def _some(names: Sequence[str]) -> str:
    more = "" if len(names) <= _SHOWN else f" and {len(names) - _SHOWN} more"
    return ", ".join(names[:_SHOWN]) + more
