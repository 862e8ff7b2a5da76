"""What a student is taught from: a teacher, and the scene that both are of where it is at hand."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from nfield.config import Config
from nfield.conversion.edited import edited
from nfield.conversion.edits import parse_edits
from nfield.conversion.inherit import inherit, latents_fit
from nfield.conversion.poses import Poses
from nfield.conversion.task import Distillation, clamp_of
from nfield.conversion.vertices import sample_vertices
from nfield.data.load import load_scene
from nfield.data.scene import Scene
from nfield.errors import InputError
from nfield.fields.model import Model, load_model
from nfield.train.device import moved, placed
from nfield.train.folder import RunFolder
from nfield.train.rays import RayTask
from nfield.train.succession import Succession
from nfield.train.task import Task


class Lesson:
    """A teacher, edited as `config.convert` says, that fits a student through the `Trainer`.

    Args:
        scene, notes: As `settled` gives them.

    Attributes:
        model, field: The teacher as it was, and its preset.
        teacher: The teacher after its edits.
        notes: What is to be said of the conversion once it has begun.

    Raises:
        InputError: the teacher has no checkpoint, or its edits do not fit.
    """

    def __init__(
        self, teacher: RunFolder, config: Config, scene: Scene | None, notes: Sequence[str] = ()
    ):
        assert config.convert is not None
        model = load_model(teacher.config, *teacher.require())
        model.requires_grad_(False)
        edits = parse_edits(config.convert.edits)
        self.field, self.model, self.scene = teacher.config.field, model, scene
        self.is_edited = bool(edits)
        self.teacher = edited(model, teacher.config, edits)
        self.notes = tuple(notes)

    def begin(self, config: Config) -> Task:
        """The task of teaching a new student."""
        photos = copy.deepcopy(self.model.photos)
        if photos is not None:
            photos.requires_grad_(True)
        student = Model(config, self.teacher.bounds, photos=photos)
        inherited = inherit(student, self.teacher, config.seed)
        if sample_vertices(student, self.teacher, clamp_of(config)):
            inherited.append("what the teacher says at the vertices")
        same = latents_fit(student, self.teacher)
        self.notes += (
            "latents are compared first"
            if same
            else "the stage of latents is skipped: they differ in width or meaning",
            f"inherited: {', '.join(inherited)}",
        )
        return self._task(config, student)

    def resume(
        self, config: Config, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]
    ) -> Task:
        """The task of teaching the student of a checkpoint further."""
        return self._task(config, load_model(config, tensors, meta))

    def _task(self, config: Config, student: Model) -> Task:
        settings = config.convert
        assert settings is not None
        cameras = None
        if settings.poses == "cameras":
            assert self.scene is not None  # or `settled` has refused
            cameras = self.scene.splits["train"].cameras
        poses = Poses(self.teacher.bounds, cameras)
        same = latents_fit(student, self.teacher)
        student = placed(student, config)
        task = Distillation(moved(self.teacher, student.device), poses, config, student, same)
        if not settings.finetune:
            return task
        assert self.scene is not None
        photos = RayTask(self.scene, config, student)
        return Succession(task, photos, 1 - settings.finetune)


def settled(config: Config) -> tuple[Config, Scene | None, tuple[str, ...]]:
    """The configuration with the poses chosen, the scene, and what is to be said of it.

    The scene is None where it is not at hand.

    Raises:
        InputError: the photos or their cameras are asked for, and are not at hand.
    """
    settings = config.convert
    assert settings is not None
    scene, notes = None, tuple[str, ...]()
    try:
        scene = load_scene(config.data, downscale=config.downscale)
    except InputError as error:
        if settings.poses == "cameras" or settings.finetune:
            raise
        notes = (f"the photos are not at hand: {error}",)
    poses = settings.poses
    if poses == "auto":
        poses = "sphere" if scene is None else "cameras"
    settings = dataclasses.replace(settings, poses=poses)
    return dataclasses.replace(config, convert=settings), scene, notes
