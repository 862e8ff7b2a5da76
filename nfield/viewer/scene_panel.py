"""What stands in the scene beside the field: its photos' cameras, the crop box, occupied cells."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np

from nfield.conversion.edits import Box
from nfield.fields.model import Model
from nfield.viewer.photos import Photos
from nfield.viewer.server import aside, guarded
from nfield.viewer.view import View
from nfield.viewer.visitor import Visitor

FRUSTA, THUMBNAIL = 64, 96  # most cameras shown, and pixels of their pictures
PHOTO = 320  # pixels of the photo in the panel
CELLS = 40_000  # most occupied cells shown
SIZE = 0.08  # of a camera, in half sizes of the scene
CELLS_SECONDS = 2.0  # between looks at the occupied cells
_CAMERA, _CELL, _BOX = (40, 90, 200), (230, 120, 40), (220, 50, 50)


class ScenePanel:
    """Cameras with photos, a crop box, and the occupancy grid, each to be switched on and off."""

    def __init__(self, visitor: Visitor):
        self._visitor, self._client = visitor, visitor.client
        self._model, self._photos = visitor.subjects[0].model, visitor.subjects[0].photos
        self._frusta: list[Any] = []
        self._switching = threading.Lock()  # cameras are shown or hidden while more are added
        self._cells: Any = None
        self._cells_time = 0.0
        self._box: Any = None
        gui = self._client.gui
        with gui.add_folder("Scene"):
            if self._photos is not None:
                self._add_photos(self._photos)
            self._show_cells = gui.add_checkbox("Occupied cells", False)
            self._add_crop()
        self._show_cells.on_update(guarded(lambda _: self._forget_cells()))

    def tick(self) -> None:
        """Show the cells that are occupied now."""
        due = time.monotonic() - self._cells_time > CELLS_SECONDS
        if self._show_cells.value and due:
            self._cells_time = time.monotonic()
            points, size = occupied_points(self._model, CELLS)
            self._cells = self._client.scene.add_point_cloud(
                "/cells", points, _CELL, point_size=size, precision="float32"
            )

    def close(self) -> None:
        """Nothing is left behind."""

    def _forget_cells(self) -> None:
        self._cells_time = 0.0
        if self._cells is not None and not self._show_cells.value:
            self._cells.remove()
            self._cells = None

    def _add_photos(self, photos: Photos) -> None:
        gui = self._client.gui
        show = gui.add_checkbox("Cameras", True)
        names = list(photos.views.names)
        name = gui.add_dropdown("Photo", names)
        go = gui.add_button("Go to photo")
        picture = gui.add_image(photos.thumbnail(0, PHOTO), label=names[0])

        def choose(index: int) -> None:
            name.value = names[index]  # type: ignore[misc]  # viser's setter takes more
            picture.label = names[index]
            picture.image = photos.thumbnail(index, PHOTO)
            self._visitor.go_to(View.of_camera(photos.views.cameras, index))

        def switch(_: Any) -> None:
            with self._switching:
                for frustum in self._frusta:
                    frustum.visible = show.value

        go.on_click(guarded(aside(lambda _: choose(names.index(name.value)))))
        show.on_update(guarded(switch))
        # Photos are read from files: the page need not wait for them.
        arguments = (photos, choose, show)
        threading.Thread(target=self._add_frusta, args=arguments, daemon=True).start()

    def _add_frusta(self, photos: Photos, choose: Any, show: Any) -> None:
        scale = SIZE * self._model.bounds.half_size
        for index in photos.evenly(FRUSTA):
            view = View.of_camera(photos.views.cameras, index)
            thumbnail = photos.thumbnail(index, THUMBNAIL)
            if self._visitor.left:
                return
            frustum = self._client.scene.add_camera_frustum(
                f"/cameras/{index}",
                view.fov,
                view.aspect,
                scale=scale,
                thickness=scale / 30,
                color=_CAMERA,
                image=thumbnail,
                wxyz=view.wxyz,
                position=view.position,
            )
            frustum.on_click(guarded(aside(lambda _, index=index: choose(index))))
            with self._switching:
                frustum.visible = show.value
                self._frusta.append(frustum)

    def _add_crop(self) -> None:
        gui, bounds = self._client.gui, self._model.bounds
        center = np.array(bounds.center)
        low, high = center - bounds.half_size, center + bounds.half_size
        crop = gui.add_checkbox("Crop box", False)
        step = float(f"{bounds.half_size / 50:.1g}")
        least = gui.add_vector3("Lowest", low.round(4), step=step)
        most = gui.add_vector3("Highest", high.round(4), step=step)

        def change(_: Any) -> None:
            box = Box(_vector(least.value), _vector(most.value)) if crop.value else None
            self._visitor.wish(box=box)
            self._show_box(box)

        for handle in (crop, least, most):
            handle.on_update(guarded(change))

    def _show_box(self, box: Box | None) -> None:
        if self._box is not None:
            self._box.remove()
            self._box = None
        if box is not None:
            low, high = np.array(box.least), np.array(box.most)
            self._box = self._client.scene.add_box(
                "/crop",
                _BOX,
                dimensions=high - low,
                position=(low + high) / 2,
                wireframe=True,
            )


def occupied_points(model: Model, most: int) -> tuple[np.ndarray, float]:
    """Middles ``(N, 3)`` of occupied cells of the inner cube in the world, and a cell's side.

    Where there are more than `most`, evenly chosen ones.
    """
    grid = model.occupancy.grid()[0].cpu().numpy()
    cells = np.argwhere(grid)[:, ::-1]  # z, y, x to x, y, z
    cells = cells[:: max(1, -(-len(cells) // most))]
    side = 2 * model.bounds.half_size / grid.shape[0]
    corner = np.array(model.bounds.center) - model.bounds.half_size
    return (corner + (cells + 0.5) * side).astype(np.float32), side


def _vector(values: Any) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
