"""FreSh for a run: the frequency of a preset, chosen for what it is to be fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nfield.config import Config, replace
from nfield.data.clip import Clip
from nfield.data.mesh import Mesh
from nfield.data.picture import Picture
from nfield.data.scene import Scene, Views
from nfield.encodings.hash_grid import HashGrid
from nfield.errors import InputError
from nfield.fields.build import build
from nfield.fields.model import Model
from nfield.fresh.choice import Choice, choose
from nfield.fresh.target import (
    Target,
    distance_target,
    image_target,
    video_target,
    view_target,
)

MOST_BINS, LEAST_BINS = 64, 8
STACK_BINS = 32  # of several frames, slices or views, as the paper has for views
SEEDS, STACK_SEEDS = 5, 2  # a stack shows each network many times
# Views are dear. A sum of samples along a ray has the spectrum of each, so that few are enough.
VIEWS, VIEW_STEPS = 2, 64


@dataclass(frozen=True)
class Setting:
    """A setting of presets that decides which frequencies a field learns first.

    Args:
        candidates: What is compared first, by rising value.
        limits: Least and greatest value that make sense.
    """

    candidates: Sequence[float]
    limits: tuple[float, float]


# Chosen is the first that a preset has.
SETTINGS = {
    "first_bias": Setting([i / 10 for i in range(31)], (0.0, 30.0)),
    "omega_first": Setting(range(10, 201, 10), (1, 1000)),
    "sigma": Setting([float(sigma) for sigma in range(1, 21)], (0.125, 64.0)),
    "bands": Setting(range(2, 13, 2), (1, 16)),
    "finest_resolution": Setting([round(16 * 2 ** (i / 2)) for i in range(1, 14, 2)], (16, 8192)),
}


def choose_frequency(config: Config, data: Scene | Picture | Clip | Mesh) -> tuple[str, Choice]:
    """Name of the preset's setting, and the choice among its values.

    Every candidate is probed through the preset itself, untrained.

    Source
        Kania et al. 2025, FreSh, arXiv:2410.05050

    Raises:
        InputError: the preset has no such setting, or the data is too small to have a spectrum.
    """
    name = setting_of(config)
    setting = SETTINGS[name]

    def probe(value: float, seed: int) -> nn.Module:
        return untrained(with_frequency(config, name, value), data, seed)

    seeds = SEEDS if isinstance(data, Picture) else STACK_SEEDS
    try:
        target = _target(data)
        return name, choose(target, setting.candidates, probe, limits=setting.limits, seeds=seeds)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"--fresh: {error}; leave --fresh out") from error


def setting_of(config: Config) -> str:
    """Name of the setting that decides the frequencies of the configuration's preset.

    Raises:
        InputError: it has none.
    """
    for name in SETTINGS:
        if hasattr(config.model, name):
            return name
    raise InputError(
        f"--fresh: field must have one of the settings {', '.join(SETTINGS)}, got "
        f"{config.field!r}; choose another field, or leave --fresh out"
    )


def with_frequency(config: Config, name: str, value: float) -> Config:
    """The configuration with another value of the setting, whole where the setting is."""
    kind = type(getattr(config.model, name))
    return replace(config, {f"model.{name}": kind(value)}, "--fresh")


def untrained(config: Config, data: Scene | Picture | Clip | Mesh, seed: int) -> nn.Module:
    """The configuration's field before it is trained, as its spectrum is taken.

    Features of hash grids are as large as if they were learned: near 0, where they start, they
    show nothing. The caller's random numbers are left as they are.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if isinstance(data, Scene):
            quick = replace(config, {"occupancy.steps": VIEW_STEPS}, "--fresh")
            module: nn.Module = Model(quick, data.bounds)
        else:  # points of a shape are dear to find, and have one value
            values = 1 if isinstance(data, Mesh) else data.points(0).out_dim
            module = build(config, values)
        for part in module.modules():
            if isinstance(part, HashGrid):
                nn.init.uniform_(part.table, -1.0, 1.0)
        return module


def _target(data: Scene | Picture | Clip | Mesh) -> Target:
    if isinstance(data, Scene):
        views = data.splits["train"]
        bins = _bins(STACK_BINS, int(views.cameras.size.min()))
        return view_target(lambda i: _on_white(views, i), views.cameras, bins, frames=VIEWS)
    if isinstance(data, Mesh):
        return distance_target(lambda x: _distance(data, x), STACK_BINS)
    values = data.points(0).values
    side = min(values.shape[-3:-1])
    if isinstance(data, Clip):
        return video_target(values.movedim(-1, 1), _bins(STACK_BINS, side))
    return image_target(values.movedim(-1, 0).float(), _bins(MOST_BINS, side))


def _bins(most: int, side: int) -> int:
    """As many as images with sides of so many pixels have, within reason."""
    return max(LEAST_BINS, min(most, side // 2))


def _distance(mesh: Mesh, x: Tensor) -> Tensor:
    return torch.from_numpy(mesh.distance(x.numpy()))


def _on_white(views: Views, index: int) -> Tensor:
    image = torch.from_numpy(views.image(index)).movedim(-1, 0).float() / 255
    if len(image) == 4:
        image = image[:3] * image[3:] + 1 - image[3:]
    return image
