"""Values of a field on a grid of cells of any size: pixels of images and frames."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nfield.data.raster import centers
from nfield.errors import InputError
from nfield.fields.value_model import ValueModel

MAX_SIDE = 16_384  # pixels


def frame(model: ValueModel, shape: Sequence[int], index: int = 0) -> Tensor:
    """One image of a grid of cells.

    Shape
        shape ``(H, W)`` or ``(T, H, W)`` -> ``(H, W, C)`` in [0, 1]; of a video, frame `index`
    """
    height, width = shape[-2:]
    cells = torch.arange(height * width) + index * height * width
    return model.values(centers(cells, shape)).clamp(0, 1).view(height, width, -1)


def checked_size(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of what is to be rendered.

    Raises:
        InputError: a side below 1 or above 16384.
    """
    if not all(1 <= side <= MAX_SIDE for side in size):
        raise InputError(
            f"--size: sides must be from 1 to {MAX_SIDE} pixels, got {size[0]}x{size[1]}"
        )
    return size
