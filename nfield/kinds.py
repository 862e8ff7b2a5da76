"""What kind of thing a path names: a scene, an image, a shape or a video. Torch-free."""

from __future__ import annotations

from pathlib import Path

from nfield.errors import InputError
from nfield.fields.presets import Kind, preset, presets

SUFFIXES: dict[Kind, tuple[str, ...]] = {
    "image": (
        *(".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"),
        *(".ppm", ".pgm", ".heic", ".avif", ".exr"),
    ),
    "distance": (".obj", ".ply", ".stl", ".off", ".glb", ".gltf"),
    "video": (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".gif"),
}
NAMES: dict[Kind, str] = {
    "radiance": "a scene",
    "image": "an image",
    "distance": "a shape",
    "video": "a video",
}
DEFAULTS: dict[Kind, str] = {
    "radiance": "ngp",
    "image": "hash-image",
    "distance": "hash-sdf",
    "video": "hash-video",
}
_HEAD = 16
_STILLS = (b"heic", b"heix", b"mif1", b"avif")
_MAGIC: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"\x89PNG", "image"),
    (0, b"\xff\xd8\xff", "image"),
    (0, b"II*\0", "image"),
    (0, b"MM\0*", "image"),
    (0, b"BM", "image"),
    (0, b"P5", "image"),
    (0, b"P6", "image"),
    (8, b"WEBP", "image"),
    *((8, brand, "image") for brand in _STILLS),
    (8, b"AVI ", "video"),
    (4, b"ftyp", "video"),
    (0, b"\x1aE\xdf\xa3", "video"),
    (0, b"GIF8", "video"),
    (0, b"ply", "distance"),
    (0, b"glTF", "distance"),
    (0, b"solid ", "distance"),
    (0, b"OFF", "distance"),
)


def kind_of(data: str) -> Kind:
    """The kind of what a path names: by its suffix, or by its first bytes where that is unknown.

    Whatever is not recognised is a scene; reading it says what a scene must be.
    """
    path = Path(data)
    if data.startswith("builtin:") or path.is_dir():
        return "radiance"
    for kind, suffixes in SUFFIXES.items():
        if path.suffix.lower() in suffixes:
            return kind
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except (OSError, ValueError):
        return "radiance"
    for start, magic, kind in _MAGIC:
        if head[start:].startswith(magic):
            return kind
    return "radiance"


def require_kind(field: str, data: str) -> None:
    """Refuse a field that is not made for what the path names.

    Raises:
        InputError: it names the fields that are.
    """
    kind = kind_of(data)
    made_for = preset(field).kind
    if made_for != kind:
        names = ", ".join(presets(kind))
        raise InputError(
            f"field: {data} is {NAMES[kind]} and must have a field made for that, got {field!r}, "
            f"which is made for {NAMES[made_for]}; choose one of {names}"
        )
