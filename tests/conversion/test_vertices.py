"""A grid that begins with what its teacher says."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nfield.config import resolve
from nfield.conversion.losses import Clamp
from nfield.conversion.vertices import evenly, sample_vertices
from nfield.fields.contract import Field
from nfield.fields.model import Model
from nfield.ops.spherical_harmonics import spherical_harmonics
from nfield.render.bounds import Bounds
from tests.ops.reference import on_threads, same_bits

BOUNDS = Bounds((0.0, 0.0, 0.0), 1.0, False, None)
CLAMP = Clamp(-2.0, 7.0)
VOXELS = ["model.resolution=12", "model.coarse_resolution=6", "occupancy.resolution=16"]


class Harmonic(Field):
    """Matter for x < 1/2, whose colours are two bands of harmonics that change with y."""

    def features(self, x: Tensor) -> Tensor:
        return torch.stack([torch.where(x[:, 0] < 0.5, 3.0, -9.0), x[:, 1]], 1)

    def density(self, h: Tensor) -> Tensor:
        return h[:, 0].exp()

    def color(self, h: Tensor, d: Tensor) -> Tensor:
        value = spherical_harmonics(d, 2).sum(1) * h[:, 1]
        return value.sigmoid()[:, None].expand(-1, 3)


def model(field: Field | None = None, name: str = "voxel") -> Model:
    settings = VOXELS if name == "voxel" else ["model.log2_table=8", "occupancy.resolution=16"]
    return Model(resolve("builtin:matte", {"field": name}, settings), BOUNDS, field)


def test_vertices_hold_the_teachers_densities_and_colours() -> None:
    student, teacher = model(), model(Harmonic())
    assert sample_vertices(student, teacher, CLAMP)
    table = student.field.encoding.table
    assert table.shape == (12**3, 13) and student.grown == 1.0
    x = student.field.encoding.places(torch.arange(len(table)))
    left = x[:, 0] < 0.5
    assert torch.allclose(table[:, 0], torch.where(left, 3.0, -2.0))  # clamped
    # Sixteen directions determine four coefficients; float32 through a logarithm.
    d = torch.nn.functional.normalize(torch.randn(int(left.sum()), 3), dim=1)
    want = teacher.field.color(teacher.field.features(x[left]), d)
    found = student.field.color(student.field.features(x[left]), d)
    assert torch.allclose(found, want, atol=1e-4)


def test_bits_do_not_depend_on_threads() -> None:
    teacher = model(Harmonic())

    def table() -> list[Tensor]:
        student = model()
        sample_vertices(student, teacher, CLAMP)
        return [student.field.encoding.table.detach()]

    assert same_bits(on_threads(1, table), on_threads(3, table))


def test_where_the_teacher_was_never_asked_there_is_nothing() -> None:
    student, teacher = model(), model(Harmonic())
    teacher.occupancy.thickness.zero_()
    teacher.occupancy.refresh()
    sample_vertices(student, teacher, CLAMP)
    assert bool((student.field.encoding.table[:, 0] == CLAMP.least).all())


def test_other_fields_stay_as_they_are() -> None:
    student = model(name="ngp")
    before = [parameter.clone() for parameter in student.parameters()]
    assert not sample_vertices(student, model(Harmonic()), CLAMP)
    assert all(torch.equal(a, b) for a, b in zip(before, student.parameters()))


@pytest.mark.parametrize("count", [4, 16, 25])
def test_directions_are_spread_evenly(count: int) -> None:
    d = evenly(count)
    assert torch.allclose(d.norm(dim=1), torch.ones(count), atol=1e-6)
    # Of evenly spread directions the mean is near the centre.
    assert float(d.mean(0).norm()) < 1.5 / count
