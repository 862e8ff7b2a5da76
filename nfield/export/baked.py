"""Radiance fields as a page in the browser holds them: values on a sparse lattice."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from nfield.config import Config
from nfield.export.lattice import BLOCK, Lattice
from nfield.fields.contract import Field
from nfield.fields.model import Model
from nfield.ops.spherical_harmonics import spherical_harmonics
from nfield.render.bounds import Bounds

FACTORS = 7  # of colour: with the density eight channels, two textures of four
BANDS = 4
DENSITY = 0.5  # per half size: below it codes are linear in the density, above in its logarithm
MOST = 9.0  # code at which 8 bits end; beyond exp(9) / 2 a voxel is opaque many times over


def encoded(density: Tensor) -> Tensor:
    """Codes ln(1 + density / 0.5) in [0, 9], densities per half size."""
    return torch.log1p(density / DENSITY).clamp(max=MOST)


class Baked(Field):
    r"""A radiance field of values that are linear between the points of a lattice.

    Formula
        $h = \sum_i w_i v_i$ over the eight points around; $\sigma = (e^{h_0} - 1) / 2$;
        $c = \mathrm{clamp}(\sum_k h_k B_k(d))$, $B_k = \sum_m b_{km} Y_m$ of four bands
    Shape
        see `nfield.fields.contract.RadianceField`, h of 8 columns
    Source
        factors of position and of direction as of Garbin et al. 2021, FastNeRF, arXiv:2103.10380,
        Eq. 3; blocks in an atlas as of Hedman et al. 2021, SNeRG, arXiv:2103.14645, Sec. 5

    Args:
        points: Numbers of the points that have values, ``(P,)``, ascending; others are empty.
        values: ``(P, 8)``.
        basis: ``(7, 16, 3)``.
    """

    def __init__(self, lattice: Lattice, points: Tensor, values: Tensor, basis: Tensor):
        super().__init__()
        self.lattice = lattice
        self.points = points
        depth, rows, columns = lattice.shape
        place = torch.full((depth * rows * columns,), len(points), dtype=torch.int32)
        place[points] = torch.arange(len(points), dtype=torch.int32)
        self._place = place
        # The last row is that of empty points.
        self.values = nn.Parameter(torch.cat([values, values.new_zeros(1, values.shape[1])]))
        self.basis = nn.Parameter(basis.clone())

    def features(self, x: Tensor) -> Tensor:
        """See the class."""
        numbers, shares = self.lattice.corners(2 * x - 1)
        return nn.functional.embedding_bag(
            self._place[numbers], self.values, per_sample_weights=shares, mode="sum"
        )

    def blocks(self) -> Tensor:
        """Numbers of the blocks in which the density is not zero everywhere, ascending."""
        dense = self.points[self.values[:-1, 0] > 0]
        return self.lattice.blocks_around(dense).unique()

    def density(self, h: Tensor) -> Tensor:
        """See the class."""
        return DENSITY * torch.expm1(h[:, 0].clamp(0, MOST))

    def color(self, h: Tensor, d: Tensor) -> Tensor:
        """See the class."""
        toward = spherical_harmonics(d, BANDS) @ self.basis.transpose(0, 1).reshape(BANDS**2, -1)
        factors = toward.view(len(d), FACTORS, 3)
        return (h[:, 1:, None] * factors).sum(1).clamp(0, 1)


def baked_model(config: Config, bounds: Bounds, field: Baked) -> Model:
    """A model that renders a baked field as the browser does: wherever it has a block."""
    model = Model(config, replace(bounds, hull=None), field)
    occupancy = model.occupancy
    size = occupancy.settings.resolution
    lattice = field.lattice
    reach = lattice.voxel * BLOCK
    held = torch.zeros(1, size, size, size)
    low = lattice.places(lattice.numbers_of(field.blocks())[:, 0])
    begin = ((low + 1) * (size / 2)).floor().clamp(0, size - 1).int().tolist()
    end = ((low + reach + 1) * (size / 2)).ceil().clamp(1, size).int().tolist()
    for (x, y, z), (right, top, back) in zip(begin, end):
        held[0, z:back, y:top, x:right] = 1
    occupancy.thickness.copy_(held.flatten()[occupancy.cells])
    occupancy.refresh()
    return model
