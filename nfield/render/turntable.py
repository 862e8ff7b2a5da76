"""Cameras around the unit cube, for shapes, which come without any."""

from __future__ import annotations

import math

import torch

from nfield.errors import InputError
from nfield.render.cameras import Cameras

MAX_FRAMES = 100_000
_DISTANCE, _VIEW = 2.1, math.radians(40)  # sides of the cube; the whole shorter side of a picture
_ELEVATION = math.radians(20)


def turntable(frames: int, size: tuple[int, int]) -> Cameras:
    """Pinhole cameras on a circle around the cube's middle, y up in the picture.

    The circle lies 20 degrees above the middle, begins on the side of z and runs anticlockwise
    seen from above, without repeating a frame.

    Shape
        -> `frames` cameras of `size` (width, height)
    Raises
        InputError: `frames` below 1 or above 100,000.
    """
    if not 1 <= frames <= MAX_FRAMES:
        raise InputError(f"--frames: number must be from 1 to {MAX_FRAMES}, got {frames}")
    turn = 2 * math.pi * torch.arange(frames, dtype=torch.float64) / frames
    level, height = math.cos(_ELEVATION), torch.full_like(turn, math.sin(_ELEVATION))
    outward = torch.stack([level * turn.sin(), height, level * turn.cos()], 1)
    right = torch.stack([turn.cos(), torch.zeros_like(turn), -turn.sin()], 1)
    down = torch.linalg.cross(-outward, right)
    pose = torch.stack([right, down, -outward, 0.5 + _DISTANCE * outward], 2)
    width, tall = size
    focal = min(size) / 2 / math.tan(_VIEW / 2)
    return Cameras(
        pose.float(),
        torch.tensor([[focal, focal, width / 2, tall / 2]]).repeat(frames, 1),
        torch.zeros(frames, 6),
        torch.zeros(frames, dtype=torch.int32),
        torch.tensor([[width, tall]], dtype=torch.int32).repeat(frames, 1),
    )
