"""What is looked at: a field, its run, and the photos that it was fitted to."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nfield.config import Config
from nfield.errors import InputError
from nfield.fields.model import Color, Model
from nfield.render.path import orbit
from nfield.run import Run
from nfield.train.folder import RunFolder
from nfield.verbs.scene import background_of
from nfield.viewer.photos import Photos
from nfield.viewer.view import View

log = logging.getLogger("nfield.viewer")

_FOV = math.radians(45.0)  # of the first view where there are no cameras
_DISTANCE = 3.0  # of it, in half sizes of the scene


@dataclass(frozen=True)
class Subject:
    """A field and what is known of it.

    Args:
        photos: None where the data is not at hand.
    """

    folder: RunFolder
    model: Model
    photos: Photos | None

    @classmethod
    def of_run(cls, run: Run) -> Subject:
        """The subject of a finished run.

        Raises:
            InputError: a run of anything but a scene, or one without a checkpoint.
        """
        if run.kind != "radiance":
            raise InputError(
                f"{run.folder.path}: what is viewed must be a run of a scene, got one of "
                f"{run.config.field}; `nfield render` shows it"
            )
        try:
            photos = Photos(run.scene.splits["train"])
        except InputError as error:
            log.warning("the page is without photos: %s", error)
            photos = None
        return cls(run.folder, run.model, photos)

    @property
    def config(self) -> Config:
        """That of the run."""
        return self.folder.config

    @property
    def name(self) -> str:
        """What visitors read."""
        return f"{self.folder.path.name} ({self.config.field})"

    @property
    def background(self) -> Color:
        """What the run is judged on."""
        return background_of(self.config)

    def up(self) -> NDArray[np.float64]:
        """The direction that is up in the photos ``(3,)``, or z."""
        if self.photos is None:
            return np.array([0.0, 0.0, 1.0])
        up = -self.photos.views.cameras.camera_to_world[:, :, 1].double().mean(0).numpy()
        length = float(np.linalg.norm(up))
        found: NDArray[np.float64] = up / length if length > 1e-6 else np.array([0.0, 0.0, 1.0])
        return found

    def first_view(self) -> View:
        """The first of `nfield render`'s orbit, or a view of the bounds from the side."""
        if self.photos is not None:
            return View.of_camera(orbit(self.photos.views.cameras, 1), 0)
        bounds = self.model.bounds
        x, y, z = bounds.center
        position = np.array([x, y - _DISTANCE * bounds.half_size, z])
        axes = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
        return View(np.column_stack([axes, position]), _FOV, 1.0)
