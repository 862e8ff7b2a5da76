"""Image files: checked by their headers, decoded on demand, downscaled by area."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from nfield.errors import InputError

MAX_PIXELS = 2**27
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "PPM")
# The last bytes of a complete file; when absent, the header check decodes the whole image to be
# sure.
_ENDINGS = {"PNG": b"IEND", "JPEG": b"\xff\xd9"}
_TAIL = 64
_DECODE_ERRORS = (OSError, ValueError, SyntaxError, EOFError, struct.error, IndexError, KeyError)
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Header:
    """What the header of an image says: size in pixels, and whether it has transparency."""

    width: int
    height: int
    alpha: bool


@dataclass(frozen=True)
class Photos:
    """Images in files, one per view: the `Source` of scenes read from a folder."""

    files: tuple[Path, ...]
    masks: tuple[Path | None, ...]
    channels: int
    downscale: int

    def image(self, i: int) -> np.ndarray:
        """(H, W, channels) uint8, the area average over downscale x downscale pixels,
        alpha-weighted.
        """
        with _open(self.files[i]) as image:
            mode = "RGBA" if self.channels == 4 else "RGB"
            return np.array(reduce(_colors(image, self.files[i], mode), self.downscale))

    def mask(self, i: int) -> np.ndarray | None:
        """(H, W) bool: a downscaled pixel counts when all the pixels under it do. In the file,
        black does not count.
        """
        file = self.masks[i]
        if file is None:
            return None
        with _open(file) as image:
            counts = np.asarray(_load(image, file).convert("L")) > 127
        k = self.downscale
        height, width = counts.shape[0] // k, counts.shape[1] // k
        blocks: np.ndarray = counts[: height * k, : width * k].reshape(height, k, width, k)
        full: np.ndarray = np.all(blocks, axis=(1, 3))
        return full

    def truth(self, i: int) -> None:
        """Photographs come without ground truth."""


def header(file: Path) -> Header:
    """Check an image file without decoding it: format, size limit, and that it is not cut short.

    Raises: InputError naming the file.
    """
    with _open(file) as image:
        transparent = (
            image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
        )
        ending = _ENDINGS.get(image.format or "", b"")
        with open(file, "rb") as stream:
            stream.seek(max(0, file.stat().st_size - _TAIL))
            complete = ending in stream.read()
        if not complete:
            _load(image, file)
        return Header(image.width, image.height, transparent)


def require_mask(mask: Path, image: Header) -> None:
    """Refuse a mask that has not the size of its image.

    Raises: InputError naming the file.
    """
    found = header(mask)
    if (found.width, found.height) != (image.width, image.height):
        raise InputError(
            f"{mask}: mask must have the size of its image, {image.width}x{image.height}, "
            f"got {found.width}x{found.height}; restore it"
        )


def read_picture(file: Path, factor: int, *, black: bool) -> tuple[np.ndarray, tuple[str, ...]]:
    """One image by itself, upright and opaque: (H, W, 1 or 3) uint8, and what was done to it.

    black: what transparency is composited on, in sRGB; white otherwise.

    Raises: InputError naming the file.
    """
    if not file.is_file():
        raise InputError(f"{file}: image must be a file, got none; check the path")
    notes = []
    with _open(file) as image:
        transparent = header(file).alpha
        grey = image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I")
        if image.mode.startswith("I"):
            notes.append("16 bits a channel were rounded to 8")
        if image.mode in ("P", "PA"):
            notes.append("the palette was resolved to sRGB")
        upright = ImageOps.exif_transpose(_load(image, file))
        if upright.size != image.size:
            notes.append("the picture was turned upright as its EXIF data say")
        colors = _colors(upright, file, "RGBA" if transparent else "L" if grey else "RGB")
    if min(colors.size) < factor:
        size = f"{colors.width}x{colors.height}"
        raise InputError(
            f"--downscale: must be at most the image's shorter side, got {factor} for {size}"
        )
    if transparent:
        notes.append(f"transparency was composited on {'black' if black else 'white'}")
        behind = Image.new("RGBA", colors.size, "black" if black else "white")
        colors = Image.alpha_composite(behind, colors).convert("L" if grey else "RGB")
    pixels = np.array(reduce(colors, factor))
    return pixels.reshape(*pixels.shape[:2], -1), tuple(notes)


def reduce(image: Image.Image, factor: int) -> Image.Image:
    """Downscale by an integer factor: crop what does not divide, then average areas, colours
    weighted by alpha.
    """
    if factor == 1:
        return image
    width, height = image.width // factor * factor, image.height // factor * factor
    return image.crop((0, 0, width, height)).reduce(factor)


def _open(file: Path) -> Image.Image:
    try:
        image = Image.open(file, formats=FORMATS)
    except _BOMBS as error:
        raise InputError(
            f"{file}: image must have at most {MAX_PIXELS} pixels, "
            f"got a decompression bomb ({error}); downscale or remove it"
        ) from error
    except _DECODE_ERRORS as error:
        raise InputError(
            f"{file}: image must be a readable {', '.join(FORMATS)} file, got {error}; replace it"
        ) from error
    if image.width * image.height > MAX_PIXELS:
        size = f"{image.width}x{image.height}"
        image.close()
        raise InputError(
            f"{file}: image must have at most {MAX_PIXELS} pixels, got {size}; "
            "downscale or remove it"
        )
    return image


def _load(image: Image.Image, file: Path) -> Image.Image:
    try:
        image.load()
    except _BOMBS + _DECODE_ERRORS as error:
        raise InputError(
            f"{file}: image must be complete, got {error}; copy or export it again"
        ) from error
    return image


def _colors(image: Image.Image, file: Path, mode: str) -> Image.Image:
    """The image with 8 bits a channel: L, RGB or RGBA."""
    _load(image, file)
    if image.mode.startswith("I"):
        # 16 bits a channel: 65535 / 257 = 255, so the whole range is kept.
        wide = np.clip(np.asarray(image, dtype=np.float64), 0, 65535)
        image = Image.fromarray(np.rint(wide / 257).astype(np.uint8))
    elif image.mode == "F":
        raise InputError(
            f"{file}: image must have 8 or 16 bits a channel, got floating point; export it as PNG"
        )
    return image.convert(mode)
