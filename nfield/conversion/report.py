"""What a conversion was worth: the student beside its teacher, as figures and as a page."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nfield.config import Config, to_dict
from nfield.conversion.beside import Curve, held_out_curve, reached
from nfield.conversion.lesson import Lesson
from nfield.conversion.poses import Poses
from nfield.data.scene import Views
from nfield.evaluate.curve import psnr_beside, psnr_curve
from nfield.evaluate.page import card, figures, image, number, section, write_page
from nfield.evaluate.pictures import Stills
from nfield.evaluate.protocol import Judged, evaluate_views, judge, to_uint8
from nfield.evaluate.report import configuration
from nfield.evaluate.sheet import contact_sheet
from nfield.fields.model import Model
from nfield.files import replacing
from nfield.render.cameras import Cameras
from nfield.train.folder import RunFolder
from nfield.verbs.scene import background_of

VIEWS, SHOWN = 8, 3  # judged, and in the contact sheet
SIDE = 200  # pixels of a view where there is no scene
Watch = Callable[[int, int], None]


@dataclass(frozen=True)
class Places:
    """Where teacher and student are looked at from; `views` where the photos of the places are."""

    cameras: Cameras
    names: Sequence[str]
    views: Views | None


@dataclass(frozen=True)
class Album:
    """A model's pictures ``(H, W, 3)`` of all places, and the median seconds that one took."""

    pictures: list[NDArray[np.uint8]]
    seconds: float


def compare(
    folder: RunFolder,
    lesson: Lesson,
    student: Model,
    *,
    every: int | None = None,
    beside: RunFolder | None = None,
    watch: Watch = lambda done, total: None,
) -> dict[str, Any]:
    """Judge a student beside its teacher; writes RUN/convert.json and RUN/report.html.

    Args:
        every: Take test views 0, every, 2 every, ...; about eight by default. Where the scene is
            not at hand the views are eight random poses.
        beside: A fit from photos, see `nfield.conversion.beside`.
        watch: Called after each picture with how many are done of how many.

    Returns:
        ``teacher`` and ``student``: ``field, parameters, bytes, seconds_per_view`` and on the
        photos of the test views ``psnr, ssim``, None where there are none or the teacher was
        edited; ``against_teacher``: ``psnr, ssim`` of the student on the teacher's own renders;
        ``views, step, train_seconds``; ``over_time``: seconds and PSNR on test views; ``beside``:
        None, or of the fit ``run``, its ``seconds`` and ``psnr`` at the end and ``over_time``, and
        the seconds ``reached`` after which the student was as good, None where it was not. What is
        over time is of some pixels, see `nfield.evaluate.probe`.
    """
    config, background = folder.config, background_of(folder.config)
    places = _places(lesson, config, every)
    taught = _album(lesson.teacher, places, background, lambda i: watch(i, 2 * len(places.names)))
    learned = _album(
        student,
        places,
        background,
        lambda i: watch(len(places.names) + i, 2 * len(places.names)),
    )
    judged: list[Judged] = []
    against = judge(Stills(places.names, taught.pictures), _shown(learned), watch=judged.append)[
        "mean"
    ]
    meta = folder.meta() or {}
    result = {
        "teacher": _about(lesson.field, lesson.model, taught, places, background),
        "student": _about(config.field, student, learned, places, background),
        "against_teacher": {"psnr": against["psnr"], "ssim": against["ssim"]},
        "views": len(places.names),
        "step": meta.get("step"),
        "train_seconds": meta.get("seconds"),
        "over_time": (learning := held_out_curve(folder.records())),
        "beside": None if beside is None else _beside(beside, learning),
    }
    with replacing(folder.path / "convert.json") as temporary:
        temporary.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    _write_page(folder, result, judged)
    return result


def rows(result: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The figures of `compare` as text: what, of the teacher, of the student."""
    teacher, student, against = (result[k] for k in ("teacher", "student", "against_teacher"))
    found = [("field", teacher["field"], student["field"])]
    for label, key, form, unit in (
        ("PSNR on test views", "psnr", ".2f", " dB"),
        ("SSIM on test views", "ssim", ".4f", ""),
        ("parameters", "parameters", ",", ""),
        ("their bytes", "bytes", ",", ""),
        ("a view", "seconds_per_view", ".3g", " s"),
    ):
        found.append((label, number(teacher[key], form, unit), number(student[key], form, unit)))
    own = number(against["psnr"], ".2f", " dB")
    found.append(("PSNR against the teacher's renders", "–", own))
    beside = result["beside"]
    if beside is not None:
        label = f"as from scratch after {beside['seconds']:.3g} s, {beside['psnr']:.2f} dB"
        found.append((label, "–", number(beside["reached"], ".3g", " s")))
    return found


def _beside(fit: RunFolder, learning: Curve) -> dict[str, Any]:
    curve = held_out_curve(fit.records())
    seconds, psnr = curve[-1]
    return {
        "run": str(fit.path),
        "seconds": seconds,
        "psnr": psnr,
        "over_time": curve,
        "reached": reached(learning, psnr),
    }


def _places(lesson: Lesson, config: Config, every: int | None) -> Places:
    if lesson.scene is not None:
        views = lesson.scene.splits.get("test", lesson.scene.splits["train"])
        chosen = list(range(0, len(views), every or -(-len(views) // VIEWS)))
        names = tuple(views.names[i] for i in chosen)
        some = Views(views.cameras[chosen], names, views.channels, _Some(views, chosen))
        return Places(some.cameras, names, None if lesson.is_edited else some)
    poses = Poses(lesson.teacher.bounds, None)
    drawn = poses.draw(VIEWS, torch.Generator().manual_seed(config.seed))
    return Places(poses.cameras(drawn, SIDE), tuple(f"pose {i}" for i in range(VIEWS)), None)


@dataclass(frozen=True)
class _Some:
    """Chosen images of a split, as a `nfield.data.scene.Source`."""

    views: Views
    chosen: list[int]

    def image(self, i: int) -> NDArray[Any]:
        return self.views.image(self.chosen[i])

    def mask(self, i: int) -> NDArray[Any] | None:
        return self.views.mask(self.chosen[i])

    def truth(self, i: int) -> dict[str, NDArray[Any]] | None:
        return self.views.truth(self.chosen[i])


def _album(
    model: Model,
    places: Places,
    background: tuple[float, float, float],
    watch: Callable[[int], None],
) -> Album:
    pictures, seconds = [], []
    for index in range(len(places.names)):
        start = time.perf_counter()
        picture = model.render(places.cameras, index, background=background).color.numpy()
        seconds.append(time.perf_counter() - start)
        pictures.append(to_uint8(picture))
        watch(index + 1)
    return Album(pictures, statistics.median(seconds))


def _shown(album: Album) -> Callable[[int], NDArray[Any]]:
    return lambda index: album.pictures[index] / 255.0


def _about(
    field: str,
    model: Model,
    album: Album,
    places: Places,
    background: tuple[float, float, float],
) -> dict[str, Any]:
    mean: dict[str, Any] = {"psnr": None, "ssim": None}
    if places.views is not None:
        mean = evaluate_views(places.views, _shown(album), background=background)["mean"]
    return {
        "field": field,
        "psnr": mean["psnr"],
        "ssim": mean["ssim"],
        **model.size(),
        "seconds_per_view": album.seconds,
    }


def _write_page(folder: RunFolder, result: Mapping[str, Any], judged: list[Judged]) -> Path:
    lines = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows(result)
    )
    table = f"<table><tr><th></th><th>teacher</th><th>student</th></tr>{lines}</table>"
    own = result["against_teacher"]
    final = {"seconds": result["train_seconds"], "psnr": own["psnr"], "split": "test"}
    taught = [{k: v for k, v in r.items() if k != "test_psnr"} for r in folder.records()]
    beside = result["beside"]
    shown = judged[:: max(1, len(judged) // SHOWN)][:SHOWN]
    config = to_dict(folder.config)
    parts = [
        figures(
            [
                ("against the teacher's renders", number(own["psnr"], ".2f", " dB")),
                ("SSIM against them", number(own["ssim"], ".4f")),
                ("training", number(result["train_seconds"], ".1f", " s")),
                ("bytes", number(result["student"]["bytes"], ",")),
            ]
        ),
        section("Teacher and student", card(table)),
        section(
            "What the student makes of it",
            card(image(contact_sheet(shown, ("teacher", "student")), "teacher, student, error")),
        ),
        section(
            "PSNR of the student against the teacher, over time",
            card(psnr_curve([*taught, final])),
        ),
        section(
            "PSNR on test views, over time" + (", beside training from scratch" if beside else ""),
            card(psnr_beside(result["over_time"], beside["over_time"] if beside else [])),
        ),
        section("Configuration", card(configuration(config, result))),
    ]
    names = f"{result['teacher']['field']} to {result['student']['field']}"
    about = f"{config['data']}: mean of {result['views']} views of 8-bit sRGB."
    return write_page(folder.path / "report.html", names, about, parts)
