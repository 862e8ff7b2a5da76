"""COLMAP: a sparse model beside its images, as Mip-NeRF 360 and 3D Gaussian splatting keep them.

Source: Barron et al., "Mip-NeRF 360", 2022, for `images_K` and the test images.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from nfield.data.capture import NO_SCALE, Capture, some
from nfield.data.colmap_lens import to_lens
from nfield.data.frames import Frame, hold_out
from nfield.data.images import require_mask
from nfield.data.pictures import Pictures, choose_pictures, inside, list_images
from nfield.data.sparse import Camera, Image, is_sparse, read_cameras, read_images, read_points
from nfield.errors import InputError

_PLACES = ("sparse/0", "sparse", "colmap/sparse/0", ".")


def find_sparse(folder: Path) -> Path | None:
    """Where a dataset keeps its sparse model; None where it has none."""
    places = (folder / place for place in _PLACES)
    return next((place for place in places if is_sparse(place)), None)


def read_colmap(folder: Path, model: Path, downscale: int) -> Capture:
    """Posed images, sorted by name, every eighth of them for testing; `images_K` serves a
    downscale of K.

    A mask lies in `masks` (`masks_K`) as COLMAP reads it: the image's name with .png appended.

    Raises:
        InputError: the model is malformed or has a camera that no lens holds exactly, an image has
            another size than its camera, none of the images is there.
    """
    cameras, images = read_cameras(model), read_images(model)
    pictures = choose_pictures(folder, downscale, others=(folder / "input", folder))
    found, notes = _match(pictures, images)
    frames = [
        _frame(pictures, image, found[image.name], _camera(model, cameras, image))
        for image in images
        if image.name in found
    ]
    others = len(list(model.parent.glob("[0-9]*"))) if model.name == "0" else 1
    if others > 1:
        notes.append(f"{model.parent} holds {others} models, of which the first alone is read")
    place = "" if pictures.folder == folder else f", {pictures.folder.name}"
    return Capture(
        folder,
        f"COLMAP{place}",
        hold_out(frames),
        tuple(notes),
        units=NO_SCALE,
        downscale=pictures.downscale,
        points=partial(read_points, model),
    )


def _match(pictures: Pictures, images: list[Image]) -> tuple[dict[str, Path], list[str]]:
    """The files of registered images by their names, and notes on those without a partner.

    Raises:
        InputError: none has a file.
    """
    files = _files(pictures, images)
    by_stem = {_stem(name): path for name, path in files.items()}
    # Names are looked up and never opened: none leads out of the folder.
    paths = {image.name: files.get(image.name, by_stem.get(_stem(image.name))) for image in images}
    found = {name: path for name, path in paths.items() if path is not None}
    if not found:
        raise InputError(
            f"{pictures.folder}: images must have the names that the sparse model registers, got "
            f"{len(files)} ({some(sorted(files))}) and none of its {len(images)} "
            f"({some([repr(image.name) for image in images])}); restore the names"
        )
    missing = [repr(name) for name, path in paths.items() if path is None]
    taken = set(found.values())
    unposed = [name for name, path in files.items() if path not in taken]
    notes = []
    if missing:
        notes.append(
            f"{len(missing)} of {len(images)} registered images are not in {pictures.folder.name} "
            f"and are left out: {some(missing)}"
        )
    if unposed:
        notes.append(
            f"{len(unposed)} of {len(files)} images are not registered and are left out: "
            f"{some(unposed)}"
        )
    return found, notes


def _files(pictures: Pictures, images: list[Image]) -> dict[str, Path]:
    """The image files by name. Smaller copies under other names bear those of the full-size images,
    in order, as long as they are as many.
    """
    files = _named(pictures.folder, pictures.root)
    wanted = {_stem(image.name) for image in images}
    if pictures.stored > 1 and not wanted & {_stem(name) for name in files}:
        full = _named(pictures.root / "images", pictures.root)
        if len(full) == len(files):
            return dict(zip(full, files.values()))
    return files


def _named(folder: Path, root: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in list_images(folder, root)}


def _stem(name: str) -> str:
    return Path(name).with_suffix("").as_posix() if Path(name).name else name


def _camera(model: Path, cameras: dict[int, Camera], image: Image) -> Camera:
    if image.camera not in cameras:
        raise InputError(
            f"{model}: image {image.name!r} must have a camera of the model, "
            f"got number {image.camera}; run COLMAP again"
        )
    return cameras[image.camera]


def _frame(pictures: Pictures, image: Image, file: Path, camera: Camera) -> Frame:
    info = pictures.checked(file, camera.size)
    lens = to_lens(camera.where, camera.model, camera.parameters)
    mask = inside(pictures.root, pictures.masks / f"{image.name}.png", image.name)
    if mask.is_file():
        require_mask(mask, info)
    return Frame(
        file_path=image.name,
        image=file,
        mask=mask if mask.is_file() else None,
        name=f"images/{_stem(image.name)}",
        camera_to_world=image.camera_to_world,
        lens=lens.resized(camera.size, (info.width, info.height)),
        header=info,
    )
