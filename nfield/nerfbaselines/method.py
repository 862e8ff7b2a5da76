"""The method that NerfBaselines trains, saves, loads and renders with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from nfield.config import Config, defaults, replace, to_dict
from nfield.evaluate.protocol import to_uint8
from nfield.fields.model import Image, Model, load_model
from nfield.files import replacing
from nfield.nerfbaselines.dataset import MODELS, to_cameras, to_scene
from nfield.toml import dump_toml
from nfield.train.device import at_hand
from nfield.train.folder import RunFolder
from nfield.train.trainer import Trainer

DATA = "nerfbaselines"  # no path: equal fits have equal checkpoints, wherever their data lie
STEPS = 20_000
_OUTPUTS = ("color", "depth", "accumulation")


class NField:
    """The protocol `nerfbaselines.Method`.

    Checkpoints are those of run folders, `config.toml` and `checkpoint.safetensors`; the colour of
    the dataset's background is among their values.

    Args:
        checkpoint: Folder that `save` wrote.
        train_dataset: What is trained on; without it the checkpoint is rendered only.
        config_overrides: The keys of `config.toml`, such as `field` and `train.samples`, as
            `--set` gives them; `max_steps` (20,000) is the number of iterations.

    Raises:
        InputError: wrong values, or a checkpoint that does not fit.
    """

    def __init__(
        self,
        *,
        checkpoint: str | None = None,
        train_dataset: Mapping[str, Any] | None = None,
        config_overrides: Mapping[str, Any] | None = None,
    ):
        self._checkpoint = checkpoint
        self._trainer: Trainer | None = None
        self._tensors: dict[str, Tensor] = {}
        self._meta: dict[str, Any] = {}
        if checkpoint is not None:
            folder = RunFolder.open(checkpoint)
            self._config = folder.config
            self._tensors, self._meta = folder.require()
        else:
            self._config = configured(config_overrides or {})
        self._loaded_step = self._meta.get("step")
        if train_dataset is None:
            model = load_model(self._config, self._tensors, self._meta)
            self._model = model.to(at_hand(self._config.device))
            return
        scene = to_scene(train_dataset)
        if checkpoint is None:
            self._trainer = Trainer(scene, self._config)
            color = train_dataset["metadata"].get("background_color")
            self._meta["background"] = (
                [0.0] * 3 if color is None else [float(value) / 255 for value in color]
            )
        else:
            self._trainer = Trainer.resume(scene, self._config, self._tensors, self._meta)
        assert isinstance(self._trainer.model, Model)
        self._model = self._trainer.model

    @classmethod
    def get_method_info(cls) -> dict[str, Any]:
        """What datasets must have, and what is rendered."""
        return {
            "method_id": "nfield",
            "required_features": frozenset(("color",)),
            "supported_camera_models": frozenset(MODELS),
            "supported_outputs": _OUTPUTS,
            "can_resume_training": True,
        }

    def get_info(self) -> dict[str, Any]:
        """The same of this model, its iterations and settings."""
        return {
            **self.get_method_info(),
            "num_iterations": self._config.max_steps,
            "loaded_step": self._loaded_step,
            "loaded_checkpoint": self._checkpoint,
            "hparams": to_dict(self._config),
        }

    def get_train_embedding(self, index: int) -> None:
        """Views have none: all are of mean appearance."""

    def optimize_embedding(
        self, dataset: Mapping[str, Any], *, embedding: np.ndarray | None = None
    ) -> Any:
        """Not supported. Raises NotImplementedError."""
        raise NotImplementedError("nfield has no embeddings of images")

    def train_iteration(self, step: int) -> dict[str, float]:
        """One step, which must be the next one."""
        assert self._trainer is not None and self._trainer.step == step
        return {key: float(value) for key, value in self._trainer.train_step().items()}

    def render(self, camera: Any, *, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One view over the dataset's background.

        Returns:
            color ``(H, W, 3)`` in [0, 1], or rounded to uint8 if the options ask for that; depth
            ``(H, W)`` along the ray in world units, 0 where nothing is hit; accumulation
            ``(H, W)``.
        """
        one = camera.item()
        cameras = to_cameras(one[None] if one.poses.ndim == 2 else one)
        red, green, blue = self._meta["background"]
        image: Image = self._model.render(cameras, 0, background=(red, green, blue))
        asked = dict(options or {})
        color = image.color.numpy()
        if (asked.get("output_type_dtypes") or {}).get("color") == "uint8":
            color = to_uint8(color)
        depth = image.depth.where(image.depth.isfinite(), 0.0).numpy()
        found = {"color": color, "depth": depth, "accumulation": image.opacity.numpy()}
        names = asked.get("outputs") or _OUTPUTS
        return {name: found[name] for name in names}

    def save(self, path: str) -> None:
        """Write config.toml and checkpoint.safetensors; equal state gives equal bytes."""
        if self._trainer is not None:
            background = self._meta["background"]
            self._tensors, self._meta = self._trainer.state()
            self._meta["background"] = background
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / "config.toml") as temporary:
            temporary.write_text(dump_toml(to_dict(self._config)), encoding="utf-8")
        RunFolder(folder, self._config).save(self._tensors, self._meta)


def configured(values: Mapping[str, Any]) -> Config:
    """The configuration of a fit: the learning rate falls over all of its iterations.

    Raises:
        InputError: unknown keys, or values that do not fit them.
    """
    given = dict(values)
    config = defaults(DATA, str(given.pop("field", "ngp")))
    given.setdefault("max_steps", STEPS)
    given.setdefault("train.decay_steps", given["max_steps"])
    return replace(config, given, "--set")
