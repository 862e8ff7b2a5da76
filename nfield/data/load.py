"""Load whatever the user names: a scene, an image, a shape or a video."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nfield.config import Config
from nfield.data.blender import read_blender
from nfield.data.capture import Capture
from nfield.data.colmap import find_sparse, read_colmap
from nfield.data.dtu import FILES as DTU
from nfield.data.dtu import read_dtu
from nfield.data.llff import FILE as LLFF
from nfield.data.llff import read_llff
from nfield.data.nsvf import is_nsvf, read_nsvf
from nfield.data.poses import photos_in
from nfield.data.scene import Scene
from nfield.data.transforms import read_transforms
from nfield.errors import InputError
from nfield.kinds import NAMES, kind_of

if TYPE_CHECKING:
    from nfield.data.clip import Clip
    from nfield.data.mesh import Mesh
    from nfield.data.picture import Picture

BUILTIN = "builtin:"
BLENDER = ("transforms_train.json", "transforms_test.json", "transforms_val.json")


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
        data: a folder in a format that `read_capture` knows, a file that it knows, or
            "builtin:NAME".
        downscale: images are downscaled by this integer, averaging areas; what does not divide is
            cropped first. Formats that store smaller copies have these taken.

    Raises: InputError when anything in the data is wrong: headers of all images are checked, none
    is decoded whole.
    """
    if data.startswith(BUILTIN):
        _require_factor(downscale)
        from nfield.data.procedural import load_builtin

        return load_builtin(data.removeprefix(BUILTIN), downscale=downscale)
    return read_capture(Path(data), downscale=downscale).scene(data)


def read_capture(path: Path, *, downscale: int = 1) -> Capture:
    """What a dataset on disk holds; the format is found by content.

    In this order: transforms_train.json (Blender / NeRF-Synthetic, D-NeRF), transforms.json
    (instant-ngp, nerfstudio), cameras.npz (DTU / IDR), a sparse model of COLMAP (Mip-NeRF 360),
    poses_bounds.npy (LLFF), pose/ and intrinsics.txt (NSVF, Tanks and Temples). The name of a file
    of one of the formats chooses it.

    Raises: InputError when there is no dataset, or anything in it is wrong.
    """
    _require_factor(downscale)
    if path.is_file():
        return _read_file(path, downscale).checked()
    if not path.exists():
        raise InputError(
            f"{path}: must be a folder, a transforms.json file or builtin:NAME, "
            "got a path that does not exist; check it"
        )
    for name in (BLENDER[0], "transforms.json", *DTU):
        if (path / name).is_file():
            return _read_file(path / name, downscale).checked()
    sparse = find_sparse(path)
    if sparse is not None:
        return read_colmap(path, sparse, downscale).checked()
    if (path / LLFF).is_file():
        return read_llff(path, downscale).checked()
    if is_nsvf(path):
        return read_nsvf(path, downscale).checked()
    raise _no_dataset(path)


def _read_file(file: Path, downscale: int) -> Capture:
    """The dataset of which a file gives the poses."""
    if file.name in DTU:
        return read_dtu(file, downscale)
    if file.name == LLFF:
        return read_llff(file.parent, downscale)
    if file.suffix.lower() != ".json":
        raise InputError(
            f"{file}: must be a folder, a transforms.json file, an image, a mesh or a video, "
            "got another file; name the dataset's folder"
        )
    capture = read_blender(file.parent) if file.name in BLENDER else read_transforms(file)
    return replace(capture, downscale=downscale)


def _require_factor(downscale: int) -> None:
    if downscale < 1:
        raise InputError(
            f"downscale: must be a whole number from 1, got {downscale}; use 1, 2, 4 or 8"
        )


def _no_dataset(folder: Path) -> InputError:
    _, photos = photos_in(folder)
    if photos:
        return InputError(
            f"{folder}: photos must have poses, got {len(photos)} photos alone; find them with "
            f"`nfield data poses {folder}`, which needs the extra colmap, or with COLMAP itself"
        )
    return InputError(
        f"{folder}: must hold transforms_train.json or transforms.json, a sparse model of COLMAP, "
        "poses_bounds.npy, cameras.npz, or pose and intrinsics.txt, got none of them; "
        "name a dataset's folder, or one of photos"
    )
