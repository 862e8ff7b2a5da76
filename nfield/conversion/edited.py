"""A field after edits, and the model that has it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nfield.config import Config
from nfield.conversion.edits import Edit, Move
from nfield.errors import InputError
from nfield.fields.contract import Field
from nfield.fields.model import Model
from nfield.ops.contraction import from_unit_cube, to_unit_cube

EMPTY = -1e4  # raw density that no field has: the one of what is not there
ROUNDS = 4  # random points of every cell that decide whether it is occupied


class EditedField(Field):
    """A radiance field after edits.

    Outside its occupancy grid a field was never asked for anything and says whatever it likes: the
    grid is part of what it knows, and here of its density.

    Shape
        see `nfield.fields.contract.RadianceField`
    """

    def __init__(self, model: Model, edits: Sequence[Edit]):
        super().__init__()
        self.model = model
        self.edits = tuple(edits)

    @property
    def color_head(self) -> nn.Module | None:
        """The field's own, where it has one: edits do not touch what latents mean."""
        head: nn.Module | None = getattr(self.model.field, "color_head", None)
        return head

    def features(self, x: Tensor) -> Tensor:
        """Latents at the places from where edits brought the matter; emptied where there is none.

        Formula
            $h(x) = h_0(x')$ with raw density -10^4 where x' was removed or holds no matter
        """
        bounds = self.model.bounds
        space = (bounds.center, bounds.half_size, bounds.unbounded)
        points, kept = from_unit_cube(x, *space), x.new_ones(len(x), dtype=torch.bool)
        for edit in reversed(self.edits):
            points, kept = edit.trace(points, kept)
        source = to_unit_cube(points, *space)
        kept = kept & self.model.occupancy.holds(source)
        h = self.model.field.features(source)
        return torch.cat([h[:, :1].where(kept[:, None], h.new_tensor(EMPTY)), h[:, 1:]], 1)

    def density(self, h: Tensor) -> Tensor:
        """Latent to density, 0 of what is not there."""
        return self.model.field.density(h).where(h[:, 0] > EMPTY, h.new_zeros(()))

    def color(self, h: Tensor, d: Tensor) -> Tensor:
        """Latent and direction to colour."""
        return self.model.field.color(h, d)


def edited(model: Model, config: Config, edits: Sequence[Edit]) -> Model:
    """The model after edits, its occupancy grid found anew; without edits the model itself.

    The visual hull is that of the scene before, and dropped.

    Raises:
        InputError: an edit moves matter out of bounds.
    """
    if not edits:
        return model
    for edit in edits:
        _require_inside(model, edit)
    bounds = dataclasses.replace(model.bounds, hull=None)
    after = Model(config, bounds, EditedField(model, edits))
    after.occupancy.learn(after.density, torch.Generator().manual_seed(config.seed), ROUNDS)
    return after


def _require_inside(model: Model, edit: Edit) -> None:
    bounds = model.bounds
    if bounds.unbounded or not isinstance(edit, Move):
        return
    for low, high, by, middle in zip(
        edit.box.least, edit.box.most, edit.by, bounds.center, strict=True
    ):
        least, most = middle - bounds.half_size, middle + bounds.half_size
        if max(low, least) + by < least or min(high, most) + by > most:
            corners = ",".join(f"{v - bounds.half_size:.4g}" for v in bounds.center)
            others = ",".join(f"{v + bounds.half_size:.4g}" for v in bounds.center)
            raise InputError(
                f"edits: what is moved must stay in the scene's bounds {corners},{others}, got "
                f"{edit}; move it less, or choose a smaller box"
            )
