"""What a student takes over from its teacher before its first step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nfield.conversion.edited import ROUNDS, EditedField
from nfield.fields.model import Model

PARTS = {
    "encoding": "encoding",
    "density_network": "density network",
    "color_head": "colour head",
}


def inherit(student: Model, teacher: Model, seed: int) -> list[str]:
    """Give the student the teacher's occupancy, and each part that both have alike.

    A part is alike where it is of one kind and size: what the teacher learned there means the same
    to the student, or is nearer to what it will mean than random numbers are.

    Returns:
        What was inherited, in words.
    """
    if student.occupancy.settings == teacher.occupancy.settings:
        student.occupancy.thickness.copy_(teacher.occupancy.thickness)
        student.occupancy.refresh()
    else:
        known = EditedField(teacher, ())
        generator = torch.Generator().manual_seed(seed)
        student.occupancy.learn(lambda x: known.density(known.features(x)), generator, ROUNDS)
    return ["occupancy", *(name for part, name in PARTS.items() if _take(student, teacher, part))]


def _take(student: Model, teacher: Model, part: str) -> bool:
    own, given = (getattr(model.field, part, None) for model in (student, teacher))
    if own is None or given is None or repr(own) != repr(given):
        return False
    values: dict[str, Tensor] = given.state_dict()
    if not values or _shapes(own.state_dict()) != _shapes(values):
        return False
    own.load_state_dict(values)
    return True


def _shapes(values: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in values.items()}


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
