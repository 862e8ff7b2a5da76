"""Edits of a scene: what is removed, moved, or all that is kept. Torch-free."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nfield.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Box:
    """The axis-aligned box from `least` to `most`, in world units."""

    least: Vector
    most: Vector

    def __post_init__(self) -> None:
        corners = (*self.least, *self.most)
        if not all(map(math.isfinite, corners)) or not all(
            low < high for low, high in zip(self.least, self.most, strict=True)
        ):
            raise InputError(
                f"box: corners x0,y0,z0,x1,y1,z1 must be finite and rise on every axis, got {self}"
                "; correct them"
            )

    def holds(self, points: Tensor) -> Tensor:
        """``(N,)`` bool, which of the world points ``(N, 3)`` lie inside."""
        low, high = points.new_tensor(self.least), points.new_tensor(self.most)
        return ((points >= low) & (points <= high)).all(1)

    def __str__(self) -> str:
        return _text((*self.least, *self.most))


class Edit(Protocol):
    """Where the matter at a point of the edited scene comes from."""

    def trace(self, points: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        """Points ``(N, 3)`` of the scene before, and which of those `kept` hold matter still."""
        ...


@dataclass(frozen=True)
class Remove:
    """Empties a box."""

    box: Box

    def trace(self, points: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        """See `Edit`."""
        return points, kept & ~self.box.holds(points)

    def __str__(self) -> str:
        return f"remove {self.box}"


@dataclass(frozen=True)
class Keep:
    """Empties all but a box."""

    box: Box

    def trace(self, points: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        """See `Edit`."""
        return points, kept & self.box.holds(points)

    def __str__(self) -> str:
        return f"keep {self.box}"


@dataclass(frozen=True)
class Move:
    """Shifts what a box holds; it replaces what was at the place it comes to."""

    box: Box
    by: Vector

    def trace(self, points: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        """See `Edit`."""
        before = points - points.new_tensor(self.by)
        arrived = self.box.holds(before)
        left = self.box.holds(points) & ~arrived
        return before.where(arrived[:, None], points), kept & ~left

    def __str__(self) -> str:
        return f"move {self.box} by {_text(self.by)}"


def parse_edits(text: str) -> tuple[Edit, ...]:
    """Edits in the order of their text, such as `remove 0,0,0,1,1,1; move 0,0,0,1,1,1 by 1,0,0`.

    Raises:
        InputError: anything else.
    """
    return tuple(_parse(part.split()) for part in text.split(";") if part.strip())


def write_edits(edits: Iterable[Edit]) -> str:
    """Inverse of `parse_edits`."""
    return "; ".join(map(str, edits))


def parse_box(text: str) -> Box:
    """The box of `x0,y0,z0,x1,y1,z1`.

    Raises:
        InputError: anything else.
    """
    values = _numbers(text, 6)
    return Box((values[0], values[1], values[2]), (values[3], values[4], values[5]))


def _parse(words: list[str]) -> Edit:
    match words:
        case ["remove", box]:
            return Remove(parse_box(box))
        case ["keep", box]:
            return Keep(parse_box(box))
        case ["move", box, "by", shift]:
            x, y, z = _numbers(shift, 3)
            return Move(parse_box(box), (x, y, z))
    raise InputError(
        f"edits: each must be `remove BOX`, `keep BOX` or `move BOX by x,y,z`, got "
        f"{' '.join(words)!r}; correct it"
    )


def _numbers(text: str, count: int) -> tuple[float, ...]:
    try:
        values = tuple(float(word) for word in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count or not all(map(math.isfinite, values)):
        names = "a box x0,y0,z0,x1,y1,z1" if count == 6 else "a shift x,y,z"
        raise InputError(f"edits: {names} must be {count} numbers, got {text!r}; correct it")
    return values


def _text(values: Iterable[float]) -> str:
    return ",".join(repr(float(value)) for value in values)
