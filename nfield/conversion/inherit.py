"""What a student takes over from its teacher before its first step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nfield.conversion.edited import ROUNDS, EditedField
from nfield.fields.model import Model


def inherit(student: Model, teacher: Model, seed: int) -> bool:
    """Give the student the teacher's occupancy, and its colours if both heads are alike.

    Returns:
        Whether the heads are.
    """
    if student.occupancy.settings == teacher.occupancy.settings:
        student.occupancy.thickness.copy_(teacher.occupancy.thickness)
        student.occupancy.refresh()
    else:
        known = EditedField(teacher, ())
        generator = torch.Generator().manual_seed(seed)
        student.occupancy.learn(lambda x: known.density(known.features(x)), generator, ROUNDS)
    own, given = _head(student), _head(teacher)
    if own is None or given is None or _shapes(own) != _shapes(given):
        return False
    own.load_state_dict(given.state_dict())
    return bool(_shapes(own))


@torch.no_grad()
def latents_fit(student: Model, teacher: Model) -> bool:
    """Whether latents mean the same: read by the same kind of head, and as wide."""
    middle = torch.full((1, 3), 0.5)
    width = (student.field.features(middle).shape[1], teacher.field.features(middle).shape[1])
    return _head(student) is not None and (
        type(_head(student)) is type(_head(teacher)) and width[0] == width[1]
    )


def _head(model: Model) -> nn.Module | None:
    head: nn.Module | None = getattr(model.field, "color_head", None)
    return head


def _shapes(head: nn.Module) -> dict[str, tuple[int, ...]]:
    values: dict[str, Tensor] = head.state_dict()
    return {f"{type(head).__name__}.{name}": tuple(value.shape) for name, value in values.items()}
