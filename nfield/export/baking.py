"""Radiance fields brought onto a lattice: where they are seen, first values, a correction."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from nfield.config import Config
from nfield.errors import InputError
from nfield.export.baked import BANDS, FACTORS, Baked, baked_model, encoded
from nfield.export.lattice import Lattice
from nfield.fields.model import Model
from nfield.ops.spherical_harmonics import spherical_harmonics
from nfield.render.cameras import Cameras

SEEN_RAYS, SEEN_ROUNDS = 1 << 14, 48
RAYS, STEPS = 1 << 12, 200
DIRECTIONS = 32  # in which a point's colours are asked
_POINTS = 1 << 13
_CLEAR = 1e-3  # optical thickness of a sample that nothing is lost without
_VALUE_RATE, _BASIS_RATE, _FALL = 0.02, 1e-3, 0.05


def bake(
    config: Config,
    model: Model,
    cameras: Cameras,
    lattice: Lattice,
    points: Tensor,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> Baked:
    """A field on a lattice, as the cameras see it.

    First values are the field's own: densities at the points, and the factors that tell colours
    in all directions best, in least squares weighted by opacity. Then values and directions are
    corrected so that random rays of the cameras show what they show in the field.

    Args:
        points: Numbers of the points that may have a density, see `seen_points`.
        watch: Called with how much is done, and of how much.
    """
    field = Baked(lattice, points, *_first(model, lattice, points))
    student = baked_model(config, model.bounds, field)
    _correct(model, student, cameras, watch)
    return field


def random_rays(cameras: Cameras, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    index = torch.randint(len(cameras), (count,), generator=generator)
    pixels = torch.rand(count, 2, generator=generator) * cameras.size[index]
    return cameras.rays(index, pixels)


@torch.no_grad()
def seen_points(model: Model, cameras: Cameras, lattice: Lattice) -> Tensor:
    """Numbers of the points that have a part in what random rays of cameras see, and of their
    neighbours, ascending.

    Raises:
        InputError: the cameras see nothing.
    """
    generator = torch.Generator().manual_seed(0)
    seen = torch.zeros(lattice.shape, dtype=torch.bool)
    for _ in range(SEEN_ROUNDS):
        origins, directions = random_rays(cameras, SEEN_RAYS, generator)
        jitter = torch.rand(SEEN_RAYS, generator=generator)
        samples, h = model.visible(model.occupancy.march(origins, directions, jitter))
        thickness = model.field.density(h) * samples.dt / model.bounds.half_size
        numbers, _ = lattice.corners(2 * samples.x[thickness > _CLEAR] - 1)
        seen.view(-1)[numbers.flatten()] = True
    if not seen.any():
        raise InputError(
            "web: the training cameras must see something, got empty space; fit the scene longer"
        )
    wide = torch.nn.functional.max_pool3d(seen[None].float(), 3, stride=1, padding=1)
    return wide.flatten().nonzero().squeeze(1)


@torch.no_grad()
def _first(model: Model, lattice: Lattice, points: Tensor) -> tuple[Tensor, Tensor]:
    """Values ``(P, 8)`` of points, and the basis ``(7, 16, 3)``; unoccupied is empty."""
    x = (lattice.places(points) + 1) / 2
    direction = _spread(DIRECTIONS)
    y = spherical_harmonics(direction, BANDS)
    solve = torch.linalg.pinv(y)
    density, harmonics = torch.zeros(len(points)), torch.zeros(len(points), BANDS**2 * 3)
    for part in torch.arange(len(points)).split(_POINTS):
        h = model.field.features(x[part])
        density[part] = model.field.density(h)
        rgb = model.field.color(h.repeat_interleave(DIRECTIONS, 0), direction.repeat(len(part), 1))
        found = torch.einsum("md,ndc->nmc", solve, rgb.view(len(part), DIRECTIONS, 3))
        harmonics[part] = found.reshape(len(part), -1)
    density *= model.occupancy.holds(x)
    opacity = -torch.expm1(-density * lattice.voxel)
    weighted = harmonics.double() * opacity[:, None].double().sqrt()
    _, vectors = torch.linalg.eigh(weighted.T @ weighted)
    basis = vectors.flip(1)[:, :FACTORS].float()
    values = torch.cat([encoded(density)[:, None], harmonics @ basis], 1)
    return values, basis.T.reshape(FACTORS, BANDS**2, 3)


def _spread(count: int) -> Tensor:
    """Directions ``(count, 3)`` spread evenly, along Fibonacci's spiral."""
    k = torch.arange(count) + 0.5
    turn, z = math.pi * (1 + math.sqrt(5)) * k, 1 - 2 * k / count
    r = (1 - z * z).sqrt()
    return torch.stack([r * turn.cos(), r * turn.sin(), z], 1)


def _correct(
    model: Model,
    student: Model,
    cameras: Cameras,
    watch: Callable[[int, int], None],
) -> None:
    field, generator = student.field, torch.Generator().manual_seed(0)
    assert isinstance(field, Baked)
    groups = [
        {"params": [field.values], "lr": _VALUE_RATE},
        {"params": [field.basis], "lr": _BASIS_RATE},
    ]
    optimizer = torch.optim.Adam(groups)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, _FALL ** (1 / STEPS))
    for step in range(STEPS):
        origins, directions = random_rays(cameras, RAYS, generator)
        background = torch.rand(RAYS, 3, generator=generator)
        jitter = torch.rand(RAYS, generator=generator)
        truth = model.render_rays(origins, directions).over(background)
        samples, _ = student.visible(student.occupancy.march(origins, directions, jitter))
        shown = student.composite(samples, directions, field.features(samples.x))
        loss = (shown.over(background) - truth).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        with torch.no_grad():
            field.values[-1] = 0  # empty space stays empty
        watch(step + 1, STEPS)
