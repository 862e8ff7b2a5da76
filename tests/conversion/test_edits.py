"""Edits: boxes hold what lies in them, text is the same edit, edited fields say what they must."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from nfield.conversion.edited import edited
from nfield.conversion.edits import Box, Keep, Move, Remove, parse_box, parse_edits, write_edits
from nfield.errors import InputError
from nfield.ops.contraction import to_unit_cube
from nfield.run import Run

EDITS = (
    Remove(Box((0, 0, 0), (1, 1, 1))),
    Keep(Box((-2, -2, -2), (2, 2, 2.5))),
    Move(Box((-1.0, 0.1, 1e-9), (0, 1, 1)), (0.5, -1 / 3, 0)),
)
HALF = Box((-2, -2, -2), (0, 2, 2))  # of the ball, and all that is on its side


def unit(run: Run, world: torch.Tensor) -> torch.Tensor:
    bounds = run.model.bounds
    return to_unit_cube(world, bounds.center, bounds.half_size, bounds.unbounded)


def density(model, world: torch.Tensor) -> torch.Tensor:
    bounds = model.bounds
    x = to_unit_cube(world, bounds.center, bounds.half_size, bounds.unbounded)
    return model.field.density(model.field.features(x)).detach()


@pytest.fixture
def points(teacher: Run) -> torch.Tensor:
    bounds = teacher.model.bounds
    generator = torch.Generator().manual_seed(0)
    cube = 2 * torch.rand(2000, 3, generator=generator) - 1
    return torch.tensor(bounds.center) + bounds.half_size * cube


def test_text_is_the_same_edit() -> None:
    assert parse_edits(write_edits(EDITS)) == EDITS
    assert parse_edits("") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("remove 1,2,3", "a box x0,y0,z0,x1,y1,z1 must be 6 numbers, got '1,2,3'"),
        ("remove 0,0,0,1,1,nan", "must be 6 numbers"),
        ("remove 0,0,0,1,1,0", "must be finite and rise on every axis"),
        ("move 0,0,0,1,1,1", "each must be `remove BOX`"),
        ("move 0,0,0,1,1,1 by 1,2", "a shift x,y,z must be 3 numbers, got '1,2'"),
        ("paint 0,0,0,1,1,1", "each must be `remove BOX`, `keep BOX` or `move BOX by x,y,z`"),
    ],
)
def test_other_text_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_edits(text)
    assert message in str(caught.value)


def test_a_removed_box_is_empty_and_the_rest_stays(teacher: Run, points: torch.Tensor) -> None:
    after = edited(teacher.model, teacher.config, (Remove(HALF),))
    before, found = density(teacher.model, points), density(after, points)
    inside = HALF.holds(points)
    assert found[inside].count_nonzero() == 0
    matter = ~inside & (before > 2) & teacher.model.occupancy.holds(unit(teacher, points))
    assert matter.sum() > 20
    assert torch.equal(found[matter], before[matter])


def test_a_kept_box_is_all_there_is(teacher: Run, points: torch.Tensor) -> None:
    found = density(edited(teacher.model, teacher.config, (Keep(HALF),)), points)
    assert found[~HALF.holds(points)].count_nonzero() == 0
    assert found.max() > 2


def test_a_moved_object_is_where_it_was_moved(teacher: Run, points: torch.Tensor) -> None:
    box, by = Box((0, -0.5, -0.5), (0.5, 0.5, 0.5)), (-0.25, 0.3, 0.1)
    original = edited(teacher.model, teacher.config, (Keep(box),))
    after = edited(teacher.model, teacher.config, (Keep(box), Move(box, by)))
    shifted = points + torch.tensor(by)
    clear = (points - points.new_tensor(box.least)).abs().amin(1) > 1e-4  # of the box's faces
    clear &= (points - points.new_tensor(box.most)).abs().amin(1) > 1e-4
    # Coordinates of order 1, shifted back in float32: 1e-7, times slopes of log density of 1e3.
    assert_close(
        density(after, shifted)[clear], density(original, points)[clear], rtol=1e-3, atol=1e-2
    )
    left = box.holds(points) & ~box.holds(points - torch.tensor(by))
    assert density(after, points)[left].count_nonzero() == 0


def test_the_occupancy_follows_what_was_moved(teacher: Run) -> None:
    box = Box((-2, -2, -2), (2, 2, 0))
    after = edited(teacher.model, teacher.config, (Remove(box),))
    half = teacher.model.bounds.half_size
    x = torch.rand(500, 3) * torch.tensor([1, 1, 0.4])  # well below the middle, whatever the cell
    assert half > 0.5
    assert not after.occupancy.holds(x).any()
    assert after.occupancy.occupied_share() > 0.01


def test_matter_cannot_be_moved_out_of_bounds(teacher: Run) -> None:
    with pytest.raises(InputError, match="what is moved must stay in the scene's bounds"):
        edited(teacher.model, teacher.config, (Move(HALF, (9, 0, 0)),))


def test_box_of_the_command_line() -> None:
    assert parse_box("0,0,0,1,2,3") == Box((0, 0, 0), (1, 2, 3))
