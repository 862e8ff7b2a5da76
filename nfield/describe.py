"""`nfield info`: what a run or a scene is, as plain values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nfield.train.folder import RunFolder

SHOWN_SIZES = 4


def describe(path: str) -> dict[str, Any]:
    """Values by name of the run folder, or else of the scene, at `path`.

    Raises:
        InputError: it is neither, or it is damaged.
    """
    return _run(path) if (Path(path) / "config.toml").is_file() else _scene(path)


def _run(path: str) -> dict[str, Any]:
    folder = RunFolder.open(path)
    config, meta = folder.config, folder.meta() or {}
    records, metrics = folder.records(), folder.path / "eval" / "metrics.json"
    mean = json.loads(metrics.read_text())["mean"] if metrics.exists() else {}
    return {
        "kind": "run",
        "field": config.field,
        "data": config.data,
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


def _scene(path: str) -> dict[str, Any]:
    from nfield.config import resolve
    from nfield.data.inspect import inspect_scene
    from nfield.data.load import load_scene

    config = resolve(path)
    report, warnings = inspect_scene(load_scene(config.data, downscale=config.downscale))
    alpha = "alpha" if report["alpha"] else "no alpha"
    bounds = report["bounds"]
    return {
        "kind": "scene",
        "name": report["name"],
        "data": report["path"],
        **{split: f"{_views(views)}, {alpha}" for split, views in report["splits"].items()},
        "center": ", ".join(f"{value:.3g}" for value in bounds["center"]),
        "half_size": bounds["half_size"],
        "unbounded": bounds["unbounded"],
        "warnings": warnings,
    }


def _views(views: dict[str, Any]) -> str:
    sizes = [f"{width}x{height}" for width, height in views["sizes"]]
    others = " and others" if len(sizes) > SHOWN_SIZES else ""
    lenses = ", ".join(views["lenses"])
    return f"{views['views']} views, {', '.join(sizes[:SHOWN_SIZES])}{others}, {lenses} lens"
