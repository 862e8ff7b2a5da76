"""Baked fields as bytes: eight channels of 8 bits, of the occupied blocks alone."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np
import torch

from nfield.export.baked import BANDS, DENSITY, FACTORS, MOST, Baked
from nfield.export.lattice import BLOCK, Lattice

CHANNELS = 1 + FACTORS
_VOXELS = BLOCK**3


def pack(field: Baked) -> tuple[dict[str, Any], bytes]:
    r"""Description, and the packed bytes.

    Formula
        of the density $q = \mathrm{round}(255 h_0 / 9)$, of a factor
        $q = \mathrm{round}(255 (h_k - least_k) / range_k)$ between the least and the greatest
        value where the density is not zero
    Returns
        for JSON ``low, voxel, blocks`` of the lattice in half sizes, ``count`` of occupied blocks,
        ``channels``, ``density`` (rate, scale) with density = rate (exp(scale q / 255) - 1),
        ``least, range`` (7) and ``basis`` (7 x 16 x 3) of the colours; and in gzip the numbers of
        the blocks, uint32 with x fastest, then for each channel those blocks' voxels
    """
    values = field.values.detach()
    dense = values[:-1, 0] > MOST / 255 / 2
    block, inside = field.lattice.blocks_of(field.points)
    held = field.lattice.blocks_around(field.points[dense]).unique()
    least = values[:-1, 1:][dense].amin(0)
    extent = (values[:-1, 1:][dense].amax(0) - least).clamp(min=1e-12)
    codes = torch.cat(
        [values[:-1, :1].clamp(0, MOST) * (255 / MOST), (values[:-1, 1:] - least) / extent * 255],
        1,
    )
    whole = torch.zeros(CHANNELS, len(held), _VOXELS, dtype=torch.uint8)
    row = torch.searchsorted(held, block).clamp(max=len(held) - 1)
    kept = held[row] == block
    whole[:, row[kept], inside[kept]] = codes[kept].round().clamp(0, 255).to(torch.uint8).T
    description = {
        "low": list(field.lattice.low),
        "voxel": field.lattice.voxel,
        "blocks": list(field.lattice.blocks),
        "count": len(held),
        "channels": CHANNELS,
        "density": [DENSITY, MOST],
        "least": least.tolist(),
        "range": extent.tolist(),
        "basis": field.basis.detach().flatten().tolist(),
    }
    numbers = held.numpy().astype("<u4").tobytes()
    return description, gzip.compress(numbers + whole.numpy().tobytes(), 9, mtime=0)


def unpack(description: dict[str, Any], packed: bytes) -> Baked:
    """The field that the bytes hold, inverse of `pack` up to half a step."""
    raw = np.frombuffer(gzip.decompress(packed), np.uint8)
    count = description["count"]
    held = torch.from_numpy(raw[: 4 * count].view("<u4").astype(np.int64))
    whole = torch.from_numpy(raw[4 * count :].reshape(CHANNELS, count * _VOXELS).copy())
    low, blocks = description["low"], description["blocks"]
    lattice = Lattice(
        (low[0], low[1], low[2]), description["voxel"], (blocks[0], blocks[1], blocks[2])
    )
    codes = whole.T.float() / 255
    factors = torch.tensor(description["least"]) + codes[:, 1:] * torch.tensor(description["range"])
    values = torch.cat([codes[:, :1] * description["density"][1], factors], 1)
    numbers, order = lattice.numbers_of(held).flatten().sort()
    basis = torch.tensor(description["basis"]).view(FACTORS, BANDS**2, 3)
    return Baked(lattice, numbers, values[order], basis)
