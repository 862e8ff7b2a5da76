"""Sections of the configuration that only some fits have. Torch-free."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Photos:
    """What is fitted of a scene's training photos beside the field; nothing unless asked for.

    `refine_poses` turns and shifts each camera, `appearance` maps the colours of each photo. Their
    learning rates (radians and half sizes a step, and colours) rise over a fifth of the budget, for
    a fog says nothing of poses, and fall to a hundredth over all of it.
    """

    refine_poses: bool = False
    pose_rate: float = 2e-4
    appearance: bool = False
    appearance_rate: float = 5e-3


@dataclass(frozen=True)
class Convert:
    """How a field is taught by another instead of by photos (`nfield convert`).

    `teacher` is the run and `digest` the SHA-256 of its checkpoint. Rays come from near the
    training `cameras`, or from a `sphere` around the bounds where the data is not at hand.
    `samples` is the budget of visible samples of a step of the distillation.
    `latents` is the share of the distillation in which latents and densities are compared,
    `points` the one in which densities and colours are; the rest adds rendered pixels. Log
    densities are compared between `least_log_density` and `most_log_density`. `finetune` is the
    share of the budget, its last, that is spent on the photos. `edits` are those of
    `nfield.conversion.edits`, as text.
    """

    teacher: str = ""
    digest: str = ""
    edits: str = ""
    poses: Literal["auto", "cameras", "sphere"] = "auto"
    samples: int = dataclasses.field(default=2**14, metadata={"least": 1024})
    latents: float = dataclasses.field(default=0.05, metadata={"least": 0, "most": 1})
    points: float = dataclasses.field(default=0.15, metadata={"least": 0, "most": 1})
    least_log_density: float = dataclasses.field(default=-2.0, metadata={"least": -60, "most": 12})
    most_log_density: float = dataclasses.field(default=7.0, metadata={"least": -60, "most": 12})
    hard_poses: bool = False
    hard_rays: bool = False
    heavy_points: bool = False
    finetune: float = dataclasses.field(default=0.0, metadata={"least": 0, "most": 1})
