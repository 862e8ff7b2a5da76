"""`nfield info`: what a run, a scene, an image, a shape or a video is, as plain values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nfield.config import Config, resolve
from nfield.errors import InputError
from nfield.fields.presets import preset
from nfield.kinds import NAMES, kind_of
from nfield.train.folder import RunFolder

if TYPE_CHECKING:
    from nfield.data.scene import Scene

SHOWN_SIZES = 4


def describe(
    path: str, *, downscale: int | None = None, layout: str | None = None
) -> dict[str, Any]:
    """Values by name of the run folder, or else of the scene, image, shape or video, at `path`.

    Args:
        downscale: Of the images, as of a fit.
        layout: SVG file to draw the cameras of a scene to.

    Raises:
        InputError: it is none of these, or it is damaged; a layout of anything but a scene.
    """
    run = (Path(path) / "config.toml").is_file()
    config = RunFolder.open(path).config if run else resolve(path, {"downscale": downscale})
    kind = kind_of(config.data)
    what = "a run" if run else NAMES[kind]
    if layout is not None and (run or kind != "radiance"):
        raise InputError(f"--layout: only a scene has cameras to draw, got {what}; remove it")
    if layout is not None and Path(layout).suffix.lower() != ".svg":
        raise InputError(f"{layout}: layout must be an SVG file, got another suffix; name it .svg")
    if downscale is not None and (run or kind == "distance"):
        raise InputError(f"--downscale: data must have images of their own, got {what}; remove it")
    if run:
        return _run(path)
    if kind == "radiance":
        return _scene(config, layout)
    about = {"image": _image, "distance": _shape, "video": _video}
    return about[kind](config)


def _run(path: str) -> dict[str, Any]:
    folder = RunFolder.open(path)
    config, meta = folder.config, folder.meta() or {}
    records, metrics = folder.records(), folder.path / "eval" / "metrics.json"
    mean = json.loads(metrics.read_text())["mean"] if metrics.exists() else {}
    return {
        "kind": "run",
        "fitted_to": preset(config.field).kind,
        "field": config.field,
        "data": config.data,
        "converted_from": None if config.convert is None else config.convert.teacher,
        "seed": config.seed,
        "downscale": config.downscale,
        "step": meta.get("step", 0),
        "train_seconds": meta.get("seconds", 0.0),
        "budget": f"{config.max_steps} steps" if config.max_steps else f"{config.max_seconds} s",
        "parameters": meta.get("parameters"),
        "bytes": meta.get("bytes"),
        "checkpoint_bytes": folder.checkpoint.stat().st_size if meta else None,
        "train_psnr": records[-1].get("psnr") if records else None,
        **{f"eval_{key}": value for key, value in mean.items()},
    }


def _image(config: Config) -> dict[str, Any]:
    from nfield.data.picture import load_picture

    picture = load_picture(config.data, downscale=config.downscale, background=config.background)
    height, width = picture.pixels.shape
    return {
        "kind": "image",
        "name": picture.name,
        "data": config.data,
        "size": f"{width}x{height}",
        "channels": picture.pixels.out_dim,
        "notes": list(picture.notes),
    }


def _shape(config: Config) -> dict[str, Any]:
    from nfield.data.mesh import load_mesh

    mesh = load_mesh(config.data, distance="unsigned")
    size = (mesh.surface.vertices.max(0) - mesh.surface.vertices.min(0)) / mesh.scale
    return {
        "kind": "shape",
        "name": mesh.name,
        "data": config.data,
        "vertices": len(mesh.surface.vertices),
        "triangles": len(mesh.surface.faces),
        "center": ", ".join(f"{value:.3g}" for value in mesh.center),
        "size": ", ".join(f"{value:.3g}" for value in size),
        "notes": list(mesh.notes),
    }


def _video(config: Config) -> dict[str, Any]:
    from nfield.data.clip import load_clip

    clip = load_clip(config.data, downscale=config.downscale)
    frames, height, width = clip.frames.shape
    return {
        "kind": "video",
        "name": clip.name,
        "data": config.data,
        "frames": frames,
        "size": f"{width}x{height}",
        "fps": clip.fps,
        "seconds": frames / clip.fps,
        "notes": list(clip.notes),
    }


def _scene(config: Config, picture: str | None) -> dict[str, Any]:
    from nfield.data.inspect import inspect_scene
    from nfield.data.load import load_scene

    scene = load_scene(config.data, downscale=config.downscale)
    report, warnings = inspect_scene(scene)
    if picture is not None:
        _draw(scene, picture)
    alpha = "alpha" if report["alpha"] else "no alpha"
    bounds = report["bounds"]
    return {
        "kind": "scene",
        "name": report["name"],
        "data": report["path"],
        "format": report["format"],
        "units": report["units"],
        **{split: f"{_views(views)}, {alpha}" for split, views in report["splits"].items()},
        "field_of_view": _range(report["field_of_view"], "degrees"),
        "camera_distance": _range(report["camera_distance"], "from the centre"),
        "center": ", ".join(f"{value:.3g}" for value in bounds["center"]),
        "half_size": bounds["half_size"],
        "unbounded": bounds["unbounded"],
        "layout": picture,
        "warnings": warnings,
    }


def _draw(scene: Scene, picture: str) -> None:
    from nfield.data.layout import write_layout

    write_layout(scene, scene.points(), Path(picture))


def _range(span: list[float], unit: str) -> str:
    low, high = (f"{value:.3g}" for value in span)
    return f"{low if low == high else f'{low} to {high}'} {unit}"


def _views(views: dict[str, Any]) -> str:
    sizes = [f"{width}x{height}" for width, height in views["sizes"]]
    others = " and others" if len(sizes) > SHOWN_SIZES else ""
    lenses = ", ".join(views["lenses"])
    lenses += " lens, distorted" if views["distorted"] else " lens"
    return f"{views['views']} views, {', '.join(sizes[:SHOWN_SIZES])}{others}, {lenses}"
