"""A fitted field and the folder it lives in: evaluating it, rendering it, asking it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from torch import Tensor

from nfield.config import Config
from nfield.data.load import load_configured
from nfield.data.scene import Scene, Views
from nfield.data.surface import Surface
from nfield.errors import InputError
from nfield.evaluate.lpips import LPIPS
from nfield.evaluate.protocol import Judged
from nfield.fields.model import Image
from nfield.fields.presets import Kind, preset
from nfield.files import replacing
from nfield.kinds import NAMES
from nfield.render.cameras import Cameras
from nfield.train.device import at_hand
from nfield.train.folder import RunFolder
from nfield.verbs import exports, image, scene, shape, video
from nfield.verbs.compressed import load_compressed as load_compressed
from nfield.verbs.compressed import load_state
from nfield.verbs.fitted import Fitted, accepted

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from nfield.verbs.exports import ExportOptions

VERBS: dict[Kind, ModuleType] = {
    "radiance": scene,
    "image": image,
    "distance": shape,
    "video": video,
}


class Run:
    """A fitted field and the folder it lives in; data and model are loaded on first use."""

    def __init__(self, folder: RunFolder):
        self.folder = folder

    def __repr__(self) -> str:
        return f"Run({str(self.folder.path)!r}, field={self.config.field!r})"

    @property
    def config(self) -> Config:
        return self.folder.config

    @property
    def kind(self) -> Kind:
        """What the field was fitted to: radiance (a scene), image, distance (a shape), video."""
        return preset(self.config.field).kind

    @cached_property
    def data(self) -> Any:
        """What the run was fitted to: a Scene, Picture, Mesh or Clip."""
        return load_configured(self.config)

    @property
    def scene(self) -> Scene:
        """The scene that the run was fitted to, its training cameras where the fit found them.

        Raises:
            InputError: it was fitted to something else; no checkpoint, where poses were refined.
        """
        self._require("radiance")
        found: Scene = self.data
        photos = self.config.photos
        return scene.refined(found, self.model) if photos and photos.refine_poses else found

    @cached_property
    def model(self) -> Any:
        """The field as of the last checkpoint: a Model of a scene, or a ValueModel.

        It is on the device of the fit, or on the CPU of a machine without that.

        Raises:
            InputError: the run has no checkpoint yet.
        """
        return load_state(self.config, *self.folder.require()).to(at_hand(self.config.device))

    def views(self, split: str = "test") -> Views:
        """The views of a split of the scene.

        Raises:
            InputError: there is no such split.
        """
        return scene.views_of(self.scene, split)

    def render(
        self, camera: Cameras, *, background: str | None = None, normals: bool = False
    ) -> Image:
        """Render one camera in the scene: colour, opacity, depth, and normals if asked.

        Shape
            see `nfield.fields.model.Image`
        """
        self._require("radiance")
        color = scene.background_of(self.config, background)
        found: Image = self.model.render(camera, 0, background=color, normals=normals)
        return found

    def values(self, x: Tensor) -> Tensor:
        """What the field of an image, a shape or a video says at points.

        Shape
            x ``(N, D)`` float32 in [0, 1]: x, y of an image, x, y, z of a shape in its unit cube,
            x, y, t of a video -> ``(N, O)``
        """
        self._require("image", "distance", "video")
        found: Tensor = self.model.values(x)
        return found

    def surface(self) -> Surface | None:
        """The surface of a fitted shape in its unit cube; None where it has none.

        The mesh's own coordinates are ``(unit - 1/2) / run.data.scale + run.data.center``.
        """
        self._require("distance")
        return shape.surface_of(self._fitted())

    def _require(self, *kinds: Kind) -> None:
        if self.kind not in kinds:
            names = " or ".join(NAMES[kind] for kind in kinds)
            raise InputError(
                f"{self.folder.path}: this must be a run of {names}, got one of {NAMES[self.kind]}"
            )

    def _fitted(self) -> Fitted:
        data = self.scene if self.kind == "radiance" else self.data
        return Fitted(self.config, data, self.model, self.folder.path / "renders")

    def render_path(
        self,
        path: str | None = None,
        out: str | Path | None = None,
        *,
        frames: int | None = None,
        what: str | None = None,
        size: tuple[int, int] | None = None,
        watch: Callable[[int], None] = lambda total: None,
    ) -> Path:
        """Render to a file or a folder, and return where that is.

        A scene or a shape is filmed to FILE.mp4 or a folder of pictures, a video becomes FILE.mp4,
        an image FILE.png.

        Args:
            path: Of a scene: `orbit` (default), a split, or a camera path file.
            out: Named after what is shown, in RUN/renders, by default.
            frames: Length of an orbit (60), how many of the other cameras, evenly chosen, or the
                number of frames that a video shall have.
            what: `rgb`, `depth` or `normal`, of a scene or a shape.
            size: Width and height in pixels of anything but a given camera.
            watch: Called after each frame with the total number.

        Raises:
            InputError: no such path, no checkpoint, a place that cannot be written to, or a choice
                that such a run does not have.
        """
        verb = VERBS[self.kind].render
        options = {"path": path, "frames": frames, "what": what, "size": size, "watch": watch}
        place = None if out is None else Path(out)
        written: Path = verb(self._fitted(), place, **accepted(verb, self.config, options))
        return written

    def evaluate(
        self,
        split: str | None = None,
        *,
        every: int | None = None,
        lpips_weights: str | Path | None = None,
        background: str | None = None,
        fit_poses: bool = False,
        watch: Callable[[Judged], None] | None = None,
    ) -> dict[str, Any]:
        """Judge the run, and write RUN/eval/metrics.json.

        Args:
            split: Of a scene, `test` by default.
            every: Take views 0, every, 2 every, ... of a split, or such frames of a video.
            lpips_weights: File with LPIPS weights; without it LPIPS is None.
            background: `white` or `black`; the run's own by default, white if that was random.
            fit_poses: Of a scene: fit the poses of the split's views first, the field as it is.
            watch: Called after each view; a shape has none.

        Returns:
            What metrics.json holds, see `nfield.evaluate.protocol`, `.pictures` and `.shape`.

        Raises:
            InputError: no such split, no checkpoint, unreadable weights, or a choice that such a
                run does not have.
        """
        verb = VERBS[self.kind].evaluate
        options = {
            "split": split,
            "every": every,
            "lpips_weights": None if lpips_weights is None else LPIPS(lpips_weights),
            "background": background,
            "fit_poses": fit_poses or None,
            "watch": None if self.kind == "distance" else watch,
        }
        given = accepted(verb, self.config, options)
        result: dict[str, Any] = verb(self._fitted(), **given) | self._origin()
        with replacing(self.folder.path / "eval" / "metrics.json") as temporary:
            temporary.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        return result

    def export(
        self,
        out: str | Path | None = None,
        *,
        what: str = "compressed",
        watch: Callable[[int, int], None] = lambda done, total: None,
        **options: Unpack[ExportOptions],
    ) -> dict[str, Any]:
        """Write the field for use elsewhere, in the input's frame and units.

        Args:
            out: In RUN/export by default.
            what: `compressed`, the model with 8 bits a value, entropy coded; of a scene or a shape
                also `mesh`, `points`, `voxels` and `splats`; of a scene also `depth`, `normals`,
                `cameras` and `web`, a page that renders it.
            watch: Called with how much is done, and of how much.
            **options: See `nfield.verbs.exports.ExportOptions`.

        Returns:
            `what`, `out` and its `bytes`, and what can be said of it, such as the number of
            `faces`; of `compressed` the number of `parameters`, their
            `parameter_bytes` as they are trained, and `mean`, the measures of the written model.

        Raises:
            InputError: no checkpoint, something that such a run cannot be written as, an option
                that has no meaning for it, or a place that cannot be written to.
        """
        self.model.cpu()  # what is written is asked for there
        return exports.export(self._fitted(), what, out, options, watch)

    def _origin(self) -> dict[str, Any]:
        """What was judged: enough to tell two results apart and to repeat them."""
        meta = self.folder.meta() or {}
        return {
            "scene": self.data.name,
            "field": self.config.field,
            "seed": self.config.seed,
            "downscale": self.config.downscale,
            "device": self.config.device,
            **self.model.size(),
            "step": meta.get("step"),
            "train_seconds": meta.get("seconds"),
            "checkpoint_sha256": hashlib.sha256(self.folder.checkpoint.read_bytes()).hexdigest(),
        }
