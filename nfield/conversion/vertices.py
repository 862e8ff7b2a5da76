"""A voxel grid that begins with what its teacher says at the vertices."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from nfield.conversion.losses import Clamp, log_density
from nfield.encodings.voxel import Voxel
from nfield.fields.contract import RadianceField
from nfield.fields.model import Model
from nfield.fields.radiance import HarmonicColor, Radiance

DIRECTIONS = 16  # from which the colours of a vertex are asked for
PALEST = 1 / 512  # and darkest: half a step of 8 bits from 0 and 1
CHUNK = 1 << 14  # vertices at a time
INSIDE = 1 - 1e-6  # greatest coordinate of a point that lies in a cell of the occupancy grid


@torch.no_grad()
def sample_vertices(student: Model, teacher: Model, clamp: Clamp) -> bool:
    r"""Grow a student's grid to the end, and fill it where the teacher holds matter.

    Formula
        raw density $\ln\sigma$, clamped, the least where the teacher is empty; coefficients $k$ of
        the colours that leave the least $\sum_j (Y(d_j) k - \mathrm{logit}\,c(d_j))^2$ over
        directions $d_j$ spread evenly
    Returns:
        Whether the student is such a grid; nothing is done to any other.
    """
    field = student.field
    if not (isinstance(field, Radiance) and isinstance(field.encoding, Voxel)):
        return False
    color = field.color_head
    assert isinstance(color, HarmonicColor)
    student.grow(1.0)
    known: RadianceField = teacher.field
    table = field.encoding.table
    table[:, 0] = clamp.least
    for rows in torch.arange(len(table)).split(CHUNK):
        x = field.encoding.places(rows).clamp(max=INSIDE)
        held = teacher.occupancy.holds(x)  # elsewhere it was never asked for anything
        h, rows = known.features(x[held]), rows[held]
        table[rows, 0] = log_density(known.density(h)).clamp(clamp.least, clamp.most)
        table[rows, 1:] = _coefficients(known, h, color)
    return True


def _coefficients(known: RadianceField, h: Tensor, color: HarmonicColor) -> Tensor:
    """Of the colours ``(N, 3)`` of latents in all directions, as `HarmonicColor` reads them."""
    directions = evenly(DIRECTIONS)
    seen = [known.color(h, d.expand(len(h), 3).contiguous()) for d in directions]
    # Through float64: float32 logarithms round by where a thread's share of a tensor ends.
    logits = torch.stack(seen, 2).double().clamp(PALEST, 1 - PALEST).logit()  # (N, 3, directions)
    inverse = torch.linalg.pinv(color.directions(directions).double())
    return (logits @ inverse.T).flatten(1).float()


def evenly(count: int) -> Tensor:
    """Unit directions ``(count, 3)`` on a spiral of equal areas (Fibonacci's lattice)."""
    i = torch.arange(count) + 0.5
    z, turn = 1 - 2 * i / count, math.pi * (1 + math.sqrt(5)) * i
    radius = (1 - z * z).sqrt()
    return torch.stack([radius * turn.cos(), radius * turn.sin(), z], 1)
