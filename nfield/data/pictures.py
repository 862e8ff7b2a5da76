"""Pictures: the image files of a dataset's folders, at full size or stored smaller."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nfield.data.capture import some
from nfield.data.images import Header, header
from nfield.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".ppm")


@dataclass(frozen=True)
class Pictures:
    """The folder of images that serves a downscale factor.

    Args:
        root: The dataset's folder, which no file may leave.
        folder: Of the images.
        stored: What the images in it were divided by.
        downscale: What is still to be divided by.
    """

    root: Path
    folder: Path
    stored: int
    downscale: int

    @property
    def masks(self) -> Path:
        """Where the masks of these images would lie."""
        return self.root / ("masks" if self.stored == 1 else f"masks_{self.stored}")

    def checked(self, image: Path, size: tuple[int, int]) -> Header:
        """The header of an image that was `size` before it was stored smaller.

        Raises:
            InputError: it has another size; smaller ones may be rounded either way.
        """
        found = header(image)
        wrong = (
            abs(found.width - size[0] / self.stored),
            abs(found.height - size[1] / self.stored),
        )
        if max(wrong) >= 1:
            smaller = "" if self.stored == 1 else f", divided by {self.stored}"
            raise InputError(
                f"{image}: image must have the size that its camera states "
                f"({size[0]}x{size[1]}{smaller}), got {found.width}x{found.height}; "
                "restore the image that the poses were found with"
            )
        return found


def choose_pictures(root: Path, downscale: int, *, others: tuple[Path, ...] = ()) -> Pictures:
    """`images_K` for a downscale factor of K where there is one, else `images`, else one of the
    other folders.

    Raises:
        InputError: there is none with images.
    """
    smaller = root / f"images_{downscale}"
    if downscale > 1 and list_images(smaller, root):
        return Pictures(root, smaller, downscale, 1)
    for folder in (root / "images", *others):
        if list_images(folder, root):
            return Pictures(root, folder, 1, downscale)
    stored = sorted(path.name for path in root.glob("images_*") if list_images(path, root))
    repair = "copy the images there"
    if stored:
        repair = f"use --downscale with one that is stored ({some(stored)})"
    raise InputError(f"{root}: images must be in {root / 'images'}, got none; {repair}")


def list_images(folder: Path, root: Path) -> list[Path]:
    """The image files of a folder, and unless it is the root of those in it, sorted by name; none
    where there is no folder.

    Raises:
        InputError: one leaves `root`, or the folder cannot be read.
    """
    if not folder.is_dir():
        return []
    paths = folder.iterdir() if folder == root else folder.rglob("*")
    found = [path for path in paths if path.suffix.lower() in SUFFIXES]
    return [inside(root, path, str(folder)) for path in sorted(found) if path.is_file()]


def inside(root: Path, path: Path, where: str) -> Path:
    """A path of a dataset, refused when it leaves the dataset's folder, by a link or by its name.

    Args:
        where: What names the path.
    """
    try:
        resolved = path.resolve()
        resolved.is_file()
    except (OSError, ValueError, RuntimeError) as error:  # NUL bytes, long names, loops of links
        raise InputError(f"{where}: path must be usable, got {str(path)!r}; correct it") from error
    if not resolved.is_relative_to(root.resolve()):
        raise InputError(
            f"{where}: path must stay inside {root}, got {str(path)!r}; "
            "copy the image into the folder"
        )
    return path


def stem(path: Path, folder: Path) -> str:
    """Name of a file relative to a folder, without suffix."""
    return path.relative_to(folder).with_suffix("").as_posix()
