"""The Python interface: fit a scene, open a run, evaluate it, render it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nfield.config import Config
from nfield.data.load import load_scene
from nfield.data.scene import Scene, Views
from nfield.errors import InputError
from nfield.evaluate.lpips import LPIPS
from nfield.evaluate.protocol import Judged, evaluate_views
from nfield.export.sequence import write_sequence
from nfield.fields.model import Image, Model, load_model
from nfield.files import replacing
from nfield.render.cameras import Cameras
from nfield.render.path import load_path, orbit
from nfield.train.folder import RunFolder
from nfield.train.loop import train
from nfield.train.trainer import Trainer

if TYPE_CHECKING:
    from typing import TypedDict

    from numpy.typing import NDArray
    from typing_extensions import Unpack

    class Options(TypedDict, total=False):
        """Top-level keys of the configuration; None means not given."""

        field: str | None
        max_steps: int | None
        max_seconds: float | None
        downscale: int | None
        seed: int | None
        background: str | None
        device: str | None


BACKGROUNDS = {"white": (1.0, 1.0, 1.0), "black": (0.0, 0.0, 0.0)}
ORBIT_FRAMES = 60


class Run:
    """A fitted field and the folder it lives in; scene and model are loaded on first use."""

    def __init__(self, folder: RunFolder):
        self.folder = folder

    def __repr__(self) -> str:
        return f"Run({str(self.folder.path)!r}, field={self.config.field!r})"

    @property
    def config(self) -> Config:
        return self.folder.config

    @cached_property
    def scene(self) -> Scene:
        """The scene that the run was fitted to."""
        return load_scene(self.config.data, downscale=self.config.downscale)

    @cached_property
    def model(self) -> Model:
        """The field as of the last checkpoint.

        Raises:
            InputError: the run has no checkpoint yet.
        """
        state = self.folder.load()
        if state is None:
            raise InputError(
                f"{self.folder.path}: run must have a checkpoint, got none; "
                "continue it with `nfield fit` and --resume"
            )
        return load_model(self.config, *state)

    def views(self, split: str = "test") -> Views:
        """The views of a split.

        Raises:
            InputError: the scene has no such split.
        """
        if split not in self.scene.splits:
            known = ", ".join(self.scene.splits)
            raise InputError(f"--split: split must be one of {known}, got {split!r}; choose one")
        return self.scene.splits[split]

    def background(self, name: str | None = None) -> tuple[float, float, float]:
        """sRGB of `name`, or of the run's background; white where that was random."""
        if name is None:
            name = self.config.background if self.config.background in BACKGROUNDS else "white"
        if name not in BACKGROUNDS:
            known = ", ".join(BACKGROUNDS)
            raise InputError(f"--background: name must be one of {known}, got {name!r}; choose one")
        return BACKGROUNDS[name]

    def render(
        self, camera: Cameras, *, background: str | None = None, normals: bool = False
    ) -> Image:
        """Render one camera: colour, opacity, depth, and normals if asked.

        Shape
            see `nfield.fields.model.Image`
        """
        return self.model.render(camera, 0, background=self.background(background), normals=normals)

    def render_path(
        self,
        path: str = "orbit",
        out: str | Path | None = None,
        *,
        frames: int | None = None,
        what: str = "rgb",
        size: tuple[int, int] | None = None,
        watch: Callable[[int], None] = lambda total: None,
    ) -> Path:
        """Render along cameras to FILE.mp4 or a folder of pictures, and return where they are.

        Args:
            path: `orbit`, a split of the scene, or a camera path file.
            out: RUN/renders/<path>-<what>.mp4 by default.
            frames: Length of the orbit (60), or how many of the other cameras, evenly chosen.
            what: `rgb`, `depth` or `normal`.
            size: Width and height of an orbit in pixels; the training views' by default.
            watch: Called after each frame with the total number.

        Raises:
            InputError: no such path, no checkpoint, a place that cannot be written to.
        """
        cameras = self._cameras(path, frames, size)
        out = Path(out or self.folder.path / "renders" / f"{Path(path).stem}-{what}.mp4")

        def render(index: int) -> Image:
            return self.render(cameras[index], normals=what == "normal")

        write_sequence(out, len(cameras), render, what=what, watch=lambda: watch(len(cameras)))
        return out

    def _cameras(self, path: str, frames: int | None, size: tuple[int, int] | None) -> Cameras:
        if path == "orbit":
            count = ORBIT_FRAMES if frames is None else frames
            return orbit(self.scene.splits["train"].cameras, count, size)
        if size is not None:
            raise InputError(f"--size: only an orbit has a free size, got --path {path}; remove it")
        known = path in self.scene.splits
        cameras = self.scene.splits[path].cameras if known else load_path(path)
        if frames is None:
            return cameras
        if not 1 <= frames <= len(cameras):
            raise InputError(
                f"--frames: number must be from 1 to {len(cameras)} on this path, got {frames}"
            )
        return cameras[[i * len(cameras) // frames for i in range(frames)]]

    def evaluate(
        self,
        split: str = "test",
        *,
        every: int = 1,
        lpips_weights: str | Path | None = None,
        background: str | None = None,
        watch: Callable[[Judged], None] | None = None,
    ) -> dict[str, Any]:
        """Judge views 0, every, 2 every, ... of a split, and write RUN/eval/metrics.json.

        Args:
            lpips_weights: File with LPIPS weights; without it LPIPS is None.
            background: `white` or `black`; the run's own by default, white if that was random.
            watch: Called after each view.

        Returns:
            What metrics.json holds, see `nfield.evaluate.protocol.evaluate_views`.

        Raises:
            InputError: no such split, no checkpoint, unreadable weights.
        """
        views, color = self.views(split), self.background(background)

        def render(index: int) -> NDArray[Any]:
            return self.model.render(views.cameras, index, background=color).color.cpu().numpy()

        result = evaluate_views(
            views,
            render,
            background=color,
            split=split,
            every=every,
            lpips=None if lpips_weights is None else LPIPS(lpips_weights),
            watch=watch,
        )
        result |= self._origin()
        with replacing(self.folder.path / "eval" / "metrics.json") as temporary:
            temporary.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        return result

    def _origin(self) -> dict[str, Any]:
        """What was judged: enough to tell two results apart and to repeat them."""
        meta = self.folder.meta() or {}
        return {
            "scene": self.scene.name,
            "field": self.config.field,
            "seed": self.config.seed,
            "downscale": self.config.downscale,
            "device": self.config.device,
            **self.model.size(),
            "step": meta.get("step"),
            "train_seconds": meta.get("seconds"),
            "checkpoint_sha256": hashlib.sha256(self.folder.checkpoint.read_bytes()).hexdigest(),
        }


def fit(
    data: str | Path,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    set: Iterable[str] = (),
    on_step: Callable[[dict[str, Any]], None] | None = None,
    **options: Unpack[Options],
) -> Run:
    """Fit a field to a scene and return the run.

    Ctrl-C saves before it is raised again; `resume=True` continues where it stopped, with
    `max_steps` to the bit.

    Args:
        data: Folder, transforms.json, `builtin:matte`, or a recipe (*.toml).
        out: Run folder; `runs/<scene>-<field>` by default.
        resume: Continue the run in `out`. The budget is then a total.
        set: `key=value` overrides, such as `train.samples=4096`.
        on_step: Called after each step with its `step, seconds, loss, psnr, rays, samples`.
        **options: `field` ("ngp"), `max_steps` or `max_seconds` (60 s of training by default),
            `downscale` (1), `seed` (0), `background` ("random", "white", "black"),
            `device` ("auto", "cpu", "cuda").

    Raises:
        InputError: anything wrong with what was given; nothing is then written.
    """
    folder = RunFolder.plan(str(data), options, set, out=out, resume=resume)
    config = folder.config
    scene = load_scene(config.data, downscale=config.downscale)
    state = folder.load() if resume else None
    trainer = Trainer(scene, config) if state is None else Trainer.resume(scene, config, *state)
    folder.begin(trainer.step)
    try:
        train(
            trainer,
            folder,
            max_steps=config.max_steps,
            max_seconds=config.max_seconds,
            on_step=on_step,
        )
    finally:
        folder.close()
    run = Run(folder)
    run.scene, run.model = scene, trainer.model
    return run


def open_run(path: str | Path) -> Run:
    """Open the run in a folder.

    Raises:
        InputError: not a run, a future schema, or a checkpoint that is cut short.
    """
    return Run(RunFolder.open(path))
