"""What a visitor wants to see, and the picture of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nfield.conversion.edits import Box
from nfield.evaluate.protocol import to_uint8
from nfield.export.image import depth_colors, normal_colors
from nfield.fields.model import Color, Image
from nfield.render.colormap import colorize

MODES = ("rgb", "opacity", "depth", "normals", "error")
SMALLEST_SIDE, LARGEST_SIDE = 32, 2048
SLOWEST, FASTEST = 1.0, 30.0  # pictures a second
LARGEST_ERROR = 0.25  # mean absolute difference of the channels that is shown brightest


@dataclass(frozen=True)
class Look:
    """How a view is shown.

    Args:
        mode: One of `MODES`.
        background: sRGB in [0, 1].
        box: What is outside is not shown.
        split: Where the second field begins, as a share of the picture's width.
        side: Pixels along the longer side of the final picture.
        rate: Pictures a second while the camera moves.
    """

    mode: str = "rgb"
    background: Color = (1.0, 1.0, 1.0)
    box: Box | None = None
    split: float = 0.5
    side: int = 512
    rate: float = 8.0

    def changed(self, **values: Any) -> Look:
        """The look with other values.

        Raises:
            ValueError: values that are none.
        """
        look = replace(self, **values)
        if look.mode not in MODES:
            raise ValueError(f"mode: must be one of {', '.join(MODES)}, got {look.mode!r}")
        for name, least, most in (
            ("side", SMALLEST_SIDE, LARGEST_SIDE),
            ("rate", SLOWEST, FASTEST),
            ("split", 0.0, 1.0),
        ):
            if not least <= getattr(look, name) <= most:
                raise ValueError(f"{name}: must be from {least} to {most}")
        if not all(0 <= channel <= 1 for channel in look.background):
            raise ValueError("background: must be three numbers from 0 to 1")
        return look


def picture(image: Image, mode: str, error: NDArray[Any] | None = None) -> NDArray[np.uint8]:
    """The picture ``(H, W, 3)`` of a rendered view; `error` ``(H, W)`` is shown in mode error."""
    if mode == "opacity":
        return np.repeat(to_uint8(image.opacity.numpy())[..., None], 3, axis=2)
    if mode == "depth":
        return depth_colors(image.depth.numpy(), image.opacity.numpy())
    if mode == "normals" and image.normal is not None:
        return normal_colors(image.normal.numpy(), image.opacity.numpy())
    if mode == "error" and error is not None:
        return colorize(error / LARGEST_ERROR)
    return to_uint8(image.color.numpy())
