"""One visitor: a browser with its own camera, its own wishes, its own picture."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nfield.viewer.canvas import Canvas, Shown
from nfield.viewer.look import Look
from nfield.viewer.server import guarded
from nfield.viewer.subject import Subject
from nfield.viewer.view import View

if TYPE_CHECKING:
    from viser import ClientHandle

COARSE_QUALITY, FINAL_QUALITY = 75, 95  # of JPEG


class Visitor:
    """Joins a browser's camera and wishes to a canvas.

    Args:
        client: viser's handle of the browser.
        subjects: One, or two side by side.
    """

    def __init__(self, client: ClientHandle, subjects: Sequence[Subject]):
        self.client, self.subjects = client, subjects
        self.look = Look(background=subjects[0].background)
        self.view: View | None = None
        self.last: Shown | None = None  # the picture that the page shows
        self.seconds = 0.0  # from the last wish to that picture
        self.left = False
        self._asked = 0.0
        models = [subject.model for subject in subjects]
        self.canvas = Canvas(models, subjects[0].photos, self._show)
        client.camera.on_update(guarded(self._move))
        self._move(client.camera)

    def wish(self, **values: Any) -> None:
        """Change the look. Raises ValueError for values that no look has."""
        self.look = self.look.changed(**values)
        self._ask()

    def go_to(self, view: View) -> None:
        """Move the browser's camera."""
        camera = self.client.camera
        with self.client.atomic():
            camera.position = view.position
            camera.wxyz = view.wxyz
            camera.fov = view.fov

    def _move(self, camera: Any) -> None:
        aspect = camera.image_width / max(camera.image_height, 1)
        self.view = View.of_quaternion(camera.wxyz, camera.position, camera.fov, aspect)
        self._ask()

    def _ask(self) -> None:
        if self.view is not None:
            self._asked = time.perf_counter()
            self.canvas.ask(self.view, self.look)

    def _show(self, shown: Shown) -> None:
        if self.left:
            return
        quality = FINAL_QUALITY if shown.final else COARSE_QUALITY
        self.client.scene.set_background_image(shown.pixels, "jpeg", jpeg_quality=quality)
        self.client.flush()
        self.last, self.seconds = shown, time.perf_counter() - self._asked
