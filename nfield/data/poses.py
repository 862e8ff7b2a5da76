"""Poses of photos that have none, by COLMAP through the extra `colmap`."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nfield.data.colmap import find_sparse
from nfield.data.pictures import list_images
from nfield.errors import InputError
from nfield.extras import require
from nfield.files import unwritable

PHOTOS = ("images", "input", "")  # where a dataset without poses keeps its photos
_WARNINGS = 1  # and errors are what it prints
_LENS = "OPENCV"  # two coefficients of each kind of distortion, one lens for all photos


def find_poses(
    folder: str, *, video: bool = False, watch: Callable[[int], None] = lambda total: None
) -> dict[str, Any]:
    """Find the poses of photos, and write the largest model found to `folder`/sparse/0.

    Args:
        folder: Has photos, in `images`, in `input` or itself; all of one camera and zoom.
        video: Match neighbours by name alone, not every pair.
        watch: Called after each photo that is registered, with the number of photos.

    Returns:
        `out`, `photos`, `registered` and `points`.

    Raises:
        InputError: no photos, or poses are there already; pycolmap is not installed; COLMAP finds
            no two photos of one scene.
    """
    root = Path(folder)
    place, photos = photos_in(root)
    if not photos:
        raise InputError(f"{root}: must hold photos, got none; name their folder")
    if find_sparse(root) is not None:
        raise InputError(f"{root}: must have no poses yet, got a sparse model; use or remove it")
    colmap = require("pycolmap", "colmap", f"{root}: finding poses")
    colmap.logging.minloglevel = _WARNINGS
    names = [photo.relative_to(place).as_posix() for photo in photos]
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        models = _reconstruct(colmap, work, place, names, lambda: watch(len(photos)), video=video)
        if not models:
            raise InputError(
                f"{root}: photos must show one scene from places a little apart, got "
                f"{len(photos)} in which COLMAP finds no two such; take more photos"
            )
        best = max(models, key=lambda key: models[key].num_reg_images())
        out = root / "sparse" / "0"
        _copy_whole(work / str(best), out)
    return {
        "out": str(out),
        "photos": len(photos),
        "registered": int(models[best].num_reg_images()),
        "points": int(models[best].num_points3D()),
    }


def _copy_whole(model: Path, out: Path) -> None:
    """Copy a model's files so that all of them appear, or none."""
    partial = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        partial.mkdir(parents=True, exist_ok=True)
        for file in ("cameras.bin", "images.bin", "points3D.bin"):
            shutil.copyfile(model / file, partial / file)
        partial.rename(out)  # an empty folder may be there
    except OSError as error:
        raise unwritable(out, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _reconstruct(
    colmap: Any,
    work: Path,
    place: Path,
    names: list[str],
    watch: Callable[[], None],
    *,
    video: bool,
) -> dict[int, Any]:
    """COLMAP's models by their numbers, each written to a folder of that name in `work`."""
    database = work / "database.db"
    colmap.extract_features(
        database,
        place,
        image_names=names,
        camera_mode=colmap.CameraMode.SINGLE,
        reader_options=colmap.ImageReaderOptions(camera_model=_LENS),
    )
    (colmap.match_sequential if video else colmap.match_exhaustive)(database)
    models: dict[int, Any] = colmap.incremental_mapping(
        database, place, work, next_image_callback=watch
    )
    return models


def photos_in(root: Path) -> tuple[Path, list[Path]]:
    """The photos of a dataset without poses, and the folder that they lie in."""
    for folder in (root / place for place in PHOTOS):
        if photos := list_images(folder, root):
            return folder, photos
    return root, []
