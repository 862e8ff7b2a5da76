"""Load whatever the user names: a scene, an image, a shape or a video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nfield.config import Config
from nfield.data.blender import read_blender
from nfield.data.frames import make_views, unique_names
from nfield.data.scene import Scene
from nfield.data.transforms import read_transforms
from nfield.errors import InputError
from nfield.kinds import NAMES, kind_of

if TYPE_CHECKING:
    from nfield.data.clip import Clip
    from nfield.data.mesh import Mesh
    from nfield.data.picture import Picture

BUILTIN = "builtin:"


def load(
    data: str, *, downscale: int = 1, background: str = "random", distance: str = "signed"
) -> Scene | Picture | Clip | Mesh:
    """Load a scene, an image, a shape or a video, told apart by `nfield.kinds.kind_of`.

    Args:
        data: What to load.
        downscale: Of the images of all but a shape, see there.
        background: `black`, or white for anything else: behind an image's transparency. In a scene
            it is up to the training.
        distance: `signed` or `unsigned`, to a shape.

    Raises:
        InputError: anything wrong with the data, or an argument that such data do not have.
    """
    kind = kind_of(data)
    misplaced = {
        "downscale": kind == "distance" and downscale != 1,
        "background": kind in ("distance", "video") and background != "random",
        "distance": kind != "distance" and distance != "signed",
    }
    for key, wrong in misplaced.items():
        if wrong:
            raise InputError(f"{key}: {NAMES[kind]} has none, got one for {data}; remove it")
    if kind == "image":
        from nfield.data.picture import load_picture

        return load_picture(data, downscale=downscale, background=background)
    if kind == "distance":
        from nfield.data.mesh import load_mesh

        return load_mesh(data, distance=distance)
    if kind == "video":
        from nfield.data.clip import load_clip

        return load_clip(data, downscale=downscale)
    return load_scene(data, downscale=downscale)


def load_configured(config: Config) -> Scene | Picture | Clip | Mesh:
    """Load what a configuration names. Raises InputError as `load`."""
    return load(
        config.data,
        downscale=config.downscale,
        background=config.background,
        distance=config.distance,
    )


def load_scene(data: str, *, downscale: int = 1) -> Scene:
    """Load posed images.

    Args:
        data: a folder with transforms_train.json (Blender / NeRF-Synthetic) or transforms.json
        (instant-ngp, nerfstudio),
            a transforms.json file, or "builtin:NAME".
        downscale: images are downscaled by this integer, averaging areas; what does not divide is
        cropped first.

    Raises: InputError when anything in the data is wrong: headers of all images are checked, none
    is decoded whole.
    """
    if downscale < 1:
        raise InputError(
            f"downscale: must be a whole number from 1, got {downscale}; use 1, 2, 4 or 8"
        )
    if data.startswith(BUILTIN):
        from nfield.data.procedural import load_builtin

        return load_builtin(data.removeprefix(BUILTIN), downscale=downscale)
    folder, file = _find(Path(data))
    splits, notes = read_blender(folder) if file is None else read_transforms(file)
    count = sum(len(frames) for frames in splits.values())
    if count < 2 or not splits["train"]:
        raise InputError(
            f"{data}: a scene must have at least two views, got {count}; "
            "add photos from other places"
        )
    splits, repeated = unique_names(splits)
    alpha = any(frame.header.alpha for frames in splits.values() for frame in frames)
    channels = 4 if alpha else 3
    views = {split: make_views(frames, channels, downscale) for split, frames in splits.items()}
    return Scene(
        name=folder.resolve().name,
        path=data,
        splits=views,
        notes=notes + repeated,
    )


def _find(path: Path) -> tuple[Path, Path | None]:
    """The dataset's folder, and its transforms.json unless the folder is in Blender's format."""
    names = ("transforms_train.json", "transforms_test.json", "transforms_val.json")
    if path.is_file():
        if path.suffix.lower() != ".json":
            raise InputError(
                f"{path}: must be a folder, a transforms.json file, an image, a mesh or a video, "
                "got another file; name the dataset's folder"
            )
        return path.parent, None if path.name in names else path
    if not path.exists():
        raise InputError(
            f"{path}: must be a folder, a transforms.json file or builtin:NAME, "
            "got a path that does not exist; check it"
        )
    if (path / names[0]).exists():
        return path, None
    if (path / "transforms.json").exists():
        return path, path / "transforms.json"
    raise InputError(
        f"{path}: must hold transforms_train.json or transforms.json, got neither; "
        "name a dataset's folder, or make transforms.json from photos with COLMAP"
    )
