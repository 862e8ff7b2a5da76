"""The viewer as a whole: a server, its visitors, what they look at, and training."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from viser import ClientHandle

from nfield.fields.model import Model
from nfield.train.folder import RunFolder
from nfield.train.trainer import Trainer
from nfield.verbs.scene import probe_of
from nfield.viewer.curve import Curve
from nfield.viewer.look_panel import LookPanel
from nfield.viewer.painter import Painter
from nfield.viewer.path_panel import PathPanel
from nfield.viewer.photos import Photos
from nfield.viewer.scene_panel import ScenePanel
from nfield.viewer.server import Server
from nfield.viewer.subject import Subject
from nfield.viewer.training import Training
from nfield.viewer.training_panel import TrainingPanel
from nfield.viewer.visitor import Visitor

TICK_SECONDS = 0.5  # between what panels say
REFRESH_SECONDS = 5.0  # between final pictures of a field in training
NEAR, FAR = 1e-3, 1e3  # of what stands beside the field, in half sizes of the scene

log = logging.getLogger("nfield.viewer")


class Panel(Protocol):
    """A part of a visitor's controls."""

    def tick(self) -> None:
        """Bring what it says up to date."""
        ...

    def close(self) -> None:
        """The visitor has left."""
        ...


class Session:
    """Serves a page until it is closed; renders, and trains, in the thread that calls `run`.

    Args:
        subjects: One field, or two side by side.
        port: 0 takes a free one.

    Raises:
        InputError: the address cannot be bound.
    """

    def __init__(self, subjects: Sequence[Subject], *, host: str = "127.0.0.1", port: int = 0):
        self.subjects = subjects
        self.painter = Painter(lambda: self.server.seconds)
        self.training: Training | None = None
        self._curve = Curve(subjects[0].folder.records())
        self.visitors: dict[int, Visitor] = {}
        self._panels: dict[int, list[Panel]] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._tick_time = 0.0
        self.server = Server(host, port, " | ".join(subject.name for subject in subjects))
        self._set_stage()
        self.server.on_client_connect(self._welcome)
        self.server.on_client_disconnect(self._leave)

    @classmethod
    def of_trainer(
        cls,
        trainer: Trainer,
        folder: RunFolder,
        data: Any,
        *,
        share: float,
        on_step: Callable[[dict[str, Any]], None] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> Session:
        """A session that trains; see `Training`."""
        assert isinstance(trainer.model, Model)  # as of every scene
        photos = Photos(data.splits["train"])
        session = cls([Subject(folder, trainer.model, photos)], host=host, port=port)
        session.training = Training(
            trainer,
            folder,
            session.painter,
            share=share,
            tick=session.tick,
            probe=probe_of(data, trainer.config),
            on_step=on_step,
        )
        return session

    def run(self, *, stay: bool = True) -> None:
        """Serve until Ctrl-C or `close`; without `stay` until training is over."""
        try:
            if self.training is not None:
                self.training.run()
            while stay and not self._closing.is_set():
                self.painter.idle(TICK_SECONDS / 2)
                self.tick()
        finally:
            for visitor in list(self.visitors.values()):
                self._leave(visitor.client)
            self.server.stop()

    def close(self) -> None:
        """End `run`, from any thread."""
        self._closing.set()
        if self.training is not None:
            self.training.closing.set()

    def tick(self) -> None:
        """Bring panels up to date, and pictures of a field that has learned more."""
        now = time.monotonic()
        if now - self._tick_time < TICK_SECONDS:
            return
        self._tick_time = now
        with self._lock:
            visitors, panels = list(self.visitors.values()), dict(self._panels)
        if self.training is not None and self.training.running.is_set():
            self._curve.add(self.training.record)
            for visitor in visitors:
                if now - visitor.canvas.finished > REFRESH_SECONDS:
                    visitor.canvas.refresh()
        for client, own in panels.items():
            try:
                for panel in own:
                    panel.tick()
            except Exception as error:
                # What a visitor sends can break its panels, and must not end the training.
                log.warning("a visitor's panels are no longer brought up to date: %s", error)
                with self._lock:
                    self._panels[client] = []

    def _set_stage(self) -> None:
        """Up, and the camera that visitors begin with."""
        server, subject = self.server, self.subjects[0]
        view, half = subject.first_view(), subject.model.bounds.half_size
        up = subject.up()
        server.scene.set_up_direction(up)
        server.gui.configure_theme(show_logo=False, show_share_button=False)
        server.gui.main_panel.dock_right()
        camera = server.initial_camera
        camera.near, camera.far, camera.fov = NEAR * half, FAR * half, view.fov
        camera.up, camera.position = up, view.position
        distance = float(abs((subject.model.bounds.center - view.position) @ view.pose[:, 2]))
        camera.look_at = view.position + max(distance, NEAR * half) * view.pose[:, 2]

    def _welcome(self, client: ClientHandle) -> None:
        try:
            visitor = Visitor(client, self.subjects)
        except ValueError as error:
            log.warning("a visitor was not let in: %s", error)
            return
        panels: list[Panel] = [
            LookPanel(visitor),
            ScenePanel(visitor),
            TrainingPanel(visitor, self.training, self._curve),
            PathPanel(visitor, self.painter),
        ]
        with self._lock:
            self.visitors[client.client_id], self._panels[client.client_id] = visitor, panels
        self.painter.add(visitor.canvas)
        if client.client_id not in self.server.get_clients():
            self._leave(client)  # while the panels were made

    def _leave(self, client: ClientHandle) -> None:
        with self._lock:
            visitor = self.visitors.pop(client.client_id, None)
            panels = self._panels.pop(client.client_id, [])
        if visitor is not None:
            visitor.left = True
            self.painter.remove(visitor.canvas)
        for panel in panels:
            panel.close()
