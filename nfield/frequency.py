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
from nfield.errors import InputError
from nfield.fields.build import build
from nfield.fields.model import Model
from nfield.fresh.choice import Choice, choose
from nfield.fresh.family import OMEGAS, RESOLUTIONS, enlarged
from nfield.fresh.target import (
    Target,
    distance_target,
    image_target,
    video_target,
    view_target,
)

UNIT = (0.0, 1.0)  # where fields of runs have their points
MOST_BINS, LEAST_BINS, VIEW_BINS = 64, 8, 32
SEEDS, VIEW_SEEDS = 5, 2
VIEWS = 4


@dataclass(frozen=True)
class Setting:
    """A setting of presets that decides which frequencies a field learns first."""

    candidates: Sequence[float]
    limits: tuple[float, float]


# The first that a preset has.
SETTINGS = {
    "omega_first": Setting(OMEGAS, (1, 1000)),
    "sigma": Setting(tuple(float(sigma) for sigma in range(1, 21)), (0.125, 64.0)),
    "bands": Setting(tuple(range(2, 13)), (1, 16)),
    "finest_resolution": Setting(RESOLUTIONS[::2], (16, 8192)),
}


def choose_frequency(config: Config, data: Scene | Picture | Clip | Mesh) -> tuple[str, Choice]:
    """Name of the preset's setting, and the choice among its values.

    Every candidate is probed through the preset itself, untrained.

    Source
        Kania et al. 2025, FreSh, arXiv:2410.05050

    Raises:
        InputError: the preset has no such setting, or the data is too small to have a spectrum.
    """
    name = next((name for name in SETTINGS if hasattr(config.model, name)), None)
    if name is None:
        known = ", ".join(SETTINGS)
        raise InputError(
            f"--fresh: field must have one of the settings {known}, got {config.field!r}; "
            "choose another field, or leave --fresh out"
        )
    setting = SETTINGS[name]
    # A shape's points are dear to find, and have one value.
    values = (
        0 if isinstance(data, Scene) else 1 if isinstance(data, Mesh) else data.points(0).out_dim
    )

    def probe(value: float, seed: int) -> nn.Module:
        changed = with_frequency(config, name, value)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if isinstance(data, Scene):
                return enlarged(Model(changed, data.bounds))
            return enlarged(build(changed, values))

    seeds = VIEW_SEEDS if isinstance(data, Scene) else SEEDS
    try:
        target = _target(data)
        return name, choose(target, setting.candidates, probe, limits=setting.limits, seeds=seeds)
    except ValueError as error:
        raise InputError(f"--fresh: {error}; leave --fresh out") from error


def with_frequency(config: Config, name: str, value: float) -> Config:
    """The configuration with another value of the setting, whole where the setting is."""
    kind = type(getattr(config.model, name))
    return replace(config, {f"model.{name}": kind(value)}, "--fresh")


def _target(data: Scene | Picture | Clip | Mesh) -> Target:
    if isinstance(data, Scene):
        views = data.splits["train"]
        return view_target(lambda i: _on_white(views, i), views.cameras, VIEW_BINS, frames=VIEWS)
    if isinstance(data, Mesh):
        return distance_target(lambda x: _distance(data, x), MOST_BINS, UNIT)
    values = data.points(0).values
    bins = max(LEAST_BINS, min(MOST_BINS, min(values.shape[-3:-1]) // 2))
    if isinstance(data, Clip):
        return video_target(values.movedim(-1, 1), bins, UNIT)
    return image_target(values.movedim(-1, 0).float(), bins, UNIT)


def _distance(mesh: Mesh, x: Tensor) -> Tensor:
    return torch.from_numpy(mesh.distance(x.double().numpy())).float()


def _on_white(views: Views, index: int) -> Tensor:
    image = torch.from_numpy(views.image(index)).movedim(-1, 0).float() / 255
    if len(image) == 4:
        image = image[:3] * image[3:] + 1 - image[3:]
    return image
