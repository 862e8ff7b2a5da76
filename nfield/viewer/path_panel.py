"""The editor of camera paths: keyframes, preview, the path file, the video."""

from __future__ import annotations

import re
import shlex
import threading
import time
from pathlib import Path
from typing import Any

from nfield.errors import InputError
from nfield.render.path import MAX_FRAMES, save_path
from nfield.viewer.film import Film
from nfield.viewer.keyframes import MOST_KEYS, MOST_STEPS, between, path_cameras
from nfield.viewer.painter import Painter
from nfield.viewer.server import guarded
from nfield.viewer.view import View
from nfield.viewer.visitor import Visitor

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
PREVIEW_RATE = 8.0  # views a second
FILM_RATE = 30.0  # frames a second that `write_video` says
SMALLEST, LARGEST = 16, 4096  # pixels of a frame's sides
_KEY = (200, 60, 160)


class PathPanel:
    """Keyframes of one visitor, and what comes of them, in the folder of the run."""

    def __init__(self, visitor: Visitor, painter: Painter):
        self._visitor, self._painter = visitor, painter
        self._folder = visitor.subjects[0].folder.path
        self.keys: list[View] = []
        self._marks: list[Any] = []
        self._film: Film | None = None
        self._playing = threading.Event()
        gui = visitor.client.gui
        with gui.add_folder("Camera path", expand_by_default=False):
            self._state = gui.add_markdown("No keyframes")
            buttons = {
                "Add keyframe": self._add,
                "Remove last": self._remove,
                "Preview": self._preview,
                "Save path": self._save,
                "Render video": self._render,
            }
            self._steps = gui.add_slider("Frames per step", 1, MOST_STEPS, 1, 30)
            self._closed = gui.add_checkbox("Closed", False)
            self._width = gui.add_number("Width", 640, min=SMALLEST, max=LARGEST, step=2)
            self._height = gui.add_number("Height", 480, min=SMALLEST, max=LARGEST, step=2)
            self._name = gui.add_text("Name", "path")
            for label, action in buttons.items():
                gui.add_button(label).on_click(guarded(lambda _, action=action: action()))
            self._progress = gui.add_progress_bar(0.0, visible=False)

    def tick(self) -> None:
        """Films tell of themselves."""

    def close(self) -> None:
        """The visitor has left: films that nobody waits for are stopped, and leave nothing."""
        self._playing.clear()
        if (film := self._film) is not None:
            film.cancel()
            film.join()

    def views(self) -> list[View]:
        """The path's views."""
        return between(self.keys, self._per_step(), closed=bool(self._closed.value))

    def _per_step(self) -> int:
        return min(max(int(self._steps.value), 1), MOST_STEPS)

    def _frames(self) -> int:
        """How many views there are, none of which is made."""
        keys, steps = len(self.keys), self._per_step()
        if keys < 2:
            return keys
        return keys * steps if self._closed.value else (keys - 1) * steps + 1

    def _add(self) -> None:
        if self._visitor.view is None or len(self.keys) >= MOST_KEYS:
            return
        view = self._visitor.view
        self.keys.append(view)
        scale = 0.05 * self._visitor.subjects[0].model.bounds.half_size
        self._marks.append(
            self._visitor.client.scene.add_camera_frustum(
                f"/keyframes/{len(self._marks)}",
                view.fov,
                view.aspect,
                scale=scale,
                thickness=scale / 30,
                color=_KEY,
                wxyz=view.wxyz,
                position=view.position,
            )
        )
        self._tell()

    def _remove(self) -> None:
        if self.keys:
            self.keys.pop()
            self._marks.pop().remove()
        self._tell()

    def _tell(self, more: str = "") -> None:
        frames = self._frames()
        seconds = frames / FILM_RATE
        text = f"{len(self.keys)} keyframes, {frames} frames, {seconds:.1f} s of video"
        text = text if self.keys else "No keyframes"
        self._state.content = f"{text}\n\n{more}" if more else text

    def _preview(self) -> None:
        """Play the path with the visitor's camera, or stop playing."""
        if self._playing.is_set():
            self._playing.clear()
            return
        views = self.views()
        self._playing.set()

        def play() -> None:
            stride = max(1, round(FILM_RATE / PREVIEW_RATE))
            for view in views[::stride]:
                if not self._playing.is_set():
                    break
                self._visitor.go_to(view)
                time.sleep(stride / FILM_RATE)
            self._playing.clear()

        threading.Thread(target=play, daemon=True).start()

    def _file(self, folder: str, suffix: str) -> Path:
        """Where something is written: names from the page lead nowhere else."""
        name = str(self._name.value)
        if not NAME.fullmatch(name):
            self._tell("The name must be of letters, digits, - and _.")
            raise ValueError("name: must be of letters, digits, - and _")
        if not self.keys:
            self._tell("Add keyframes first.")
            raise ValueError("path: must have keyframes")
        if self._frames() > MAX_FRAMES:
            self._tell(f"A path has at most {MAX_FRAMES:,} frames: take fewer frames per step.")
            raise ValueError(f"path: must have at most {MAX_FRAMES} frames")
        return self._folder / folder / f"{name}{suffix}"

    def _save(self) -> None:
        file = self._file("paths", ".json")
        save_path(file, path_cameras(self.views(), *self._size()))
        command = shlex.join(["nfield", "render", str(self._folder), "--path", str(file)])
        self._tell(f"Saved. Render it with\n\n`{command}`")

    def _size(self) -> tuple[int, int]:
        width, height = (
            min(max(int(number.value), SMALLEST), LARGEST) for number in (self._width, self._height)
        )
        return width, height

    def _render(self) -> None:
        """Render the video, or stop rendering it."""
        if self._film is not None:
            self._film.cancel()
            return
        file = self._file("renders", ".mp4")
        cameras = path_cameras(self.views(), *self._size())
        total = len(cameras)

        def watch(done: int) -> None:
            self._progress.value = 100.0 * done / total  # type: ignore[misc]  # as viser's setter

        def finish(wrong: InputError | None) -> None:
            if self._film is not None:
                self._painter.remove(self._film)
            self._film = None
            self._progress.visible = False
            self._tell(f"Video: `{file}`" if wrong is None else str(wrong))

        models = [subject.model for subject in self._visitor.subjects]
        self._progress.visible = True
        self._tell("Rendering; press Render video again to stop.")
        self._film = Film(file, models, cameras, self._visitor.look, watch, finish)
        self._painter.add(self._film)
        self._film.start()
