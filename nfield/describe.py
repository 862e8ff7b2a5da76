"""`nfield info`: what a run or a scene is, as plain values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nfield.train.folder import RunFolder


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
        "checkpoint_bytes": folder.checkpoint.stat().st_size if meta else None,
        "train_psnr": records[-1].get("psnr") if records else None,
        **{f"eval_{key}": value for key, value in mean.items()},
    }


def _scene(path: str) -> dict[str, Any]:
    from nfield.config import resolve
    from nfield.data.inspect import inspect_scene
    from nfield.data.load import load_scene
    from nfield.render.cameras import LENSES

    config = resolve(path)
    scene = load_scene(config.data, downscale=config.downscale)
    values: dict[str, Any] = {"kind": "scene", "name": scene.name, "data": scene.path}
    for split, views in scene.splits.items():
        sizes = sorted({tuple(size) for size in views.cameras.size.tolist()})
        lenses = sorted({LENSES[i] for i in views.cameras.lens.tolist()})
        values[split] = (
            f"{len(views)} views, {', '.join(f'{w}x{h}' for w, h in sizes[:4])}"
            f"{' and others' if len(sizes) > 4 else ''}, {', '.join(lenses)} lens, "
            f"{'alpha' if views.channels == 4 else 'no alpha'}"
        )
    bounds = scene.bounds
    values["center"] = ", ".join(f"{value:.3g}" for value in bounds.center)
    values["half_size"] = bounds.half_size
    values["unbounded"] = bounds.unbounded
    values["warnings"] = list(inspect_scene(scene))
    return values
