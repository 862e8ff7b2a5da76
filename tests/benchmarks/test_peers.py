"""The peers compute what ours computes: against float64 references, without compiling."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.peers import hash_grid_torch as grids
from benchmarks.peers import rbf_torch
from benchmarks.peers.adam_torch import make_adam
from benchmarks.peers.composite_torch import composite, distortion, weights
from benchmarks.peers.march_torch import Occupancy, Space
from benchmarks.peers.mlp_torch import make_mlp
from benchmarks.peers.ngp_torch import TorchNgp
from benchmarks.peers.spherical_harmonics_torch import spherical_harmonics
from benchmarks.peers.visibility_torch import visible
from nfield.config import Occupancy as OccupancySettings
from nfield.config import defaults, override
from nfield.fields.model import Model
from nfield.ops.distortion import distortion as distortion_ours
from nfield.ops.visibility import visible as visible_ours
from nfield.render.bounds import Bounds
from nfield.render.cameras import Cameras

needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax absent")
FLOAT32 = 2e-6  # relative: sums of tens of float32 terms
LEVELS = grids.make_levels(6, 10, 4, 64)  # the three coarsest are dense, the others hashed


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def reference_grid(x: Tensor, table: Tensor) -> Tensor:
    """Point by point, corner by corner, in Python integers and float64."""
    features = torch.zeros(len(x), len(LEVELS), table.shape[1], dtype=torch.float64)
    for n, point in enumerate(x.double().tolist()):
        for number, level in enumerate(LEVELS):
            # The cell is decided in float32, as everywhere.
            low = [
                math.floor(np.float32(p) * np.float32(level.scale) + np.float32(0.5)) for p in point
            ]
            for corner in range(8):
                weight, index = 1.0, 0
                stride = 1
                for axis, prime in enumerate((1, 2654435761, 805459861)):
                    bit = corner >> axis & 1
                    fraction = point[axis] * level.scale + 0.5 - low[axis]
                    weight *= fraction if bit else 1 - fraction
                    c = low[axis] + bit
                    index = index ^ (c * prime) % 2**32 if level.hashed else index + c * stride
                    stride *= level.resolution
                features[n, number] += weight * table[level.offset + index % level.size].double()
    return features.flatten(1)


def table() -> Tensor:
    return torch.rand(LEVELS[-1].offset + LEVELS[-1].size, 2)


def test_levels_are_dense_while_they_fit() -> None:
    assert [level.hashed for level in LEVELS] == [False, False, True, True, True, True]
    assert LEVELS[0].resolution == 4
    assert LEVELS[-1].resolution == 64
    assert all(level.size % 8 == 0 for level in LEVELS)


def test_hash_grid_equals_reference() -> None:
    x = torch.rand(64, 3)
    x[0], x[1] = 0.0, 1.0  # the corners of the cube, where the last dense vertex wraps
    entries = table()
    torch.testing.assert_close(
        grids.HashGrid(LEVELS, entries)(x).double(), reference_grid(x, entries), rtol=0, atol=2e-5
    )  # positions of size 64 in float32 carry 4e-6 per axis


def test_hash_grid_gradient_equals_reference() -> None:
    x, upstream = torch.rand(32, 3), torch.randn(32, 2 * len(LEVELS))
    entries = table().double().requires_grad_()
    (expected,) = torch.autograd.grad(reference_grid(x, entries), entries, upstream.double())
    grid = grids.HashGrid(LEVELS, entries.detach().float())
    (gradient,) = torch.autograd.grad(grid(x), grid.table, upstream)
    torch.testing.assert_close(gradient.double(), expected, rtol=0, atol=1e-4)


@needs_jax
def test_jax_hash_grid_equals_torch() -> None:
    from benchmarks.peers import hash_grid_jax

    grid = grids.HashGrid(LEVELS, table())
    x, upstream = torch.rand(64, 3), torch.randn(64, 2 * len(LEVELS))
    features = grid(x)
    (gradient,) = torch.autograd.grad(features, grid.table, upstream)
    arrays = (grid.table.detach().numpy(), x.numpy(), upstream.numpy())
    theirs = hash_grid_jax.make_gradient(LEVELS)(*arrays)
    np.testing.assert_allclose(theirs[0], features.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(theirs[1], gradient.numpy(), atol=1e-4)


def test_mlp_reads_row_major_weights() -> None:
    widths = [3, 4, 2]
    weights = torch.randn(4 * 3 + 2 * 4)
    x = torch.randn(5, 3)
    first, second = weights[:12].view(4, 3), weights[12:].view(2, 4)
    expected = torch.relu(x @ first.T) @ second.T
    torch.testing.assert_close(make_mlp(weights, widths)(x), expected)


@needs_jax
def test_jax_mlp_equals_torch() -> None:
    from benchmarks.peers import mlp_jax

    network = make_mlp(torch.randn(32 * 16 + 16 * 8), [32, 16, 8])
    x, upstream = torch.randn(10, 32, requires_grad=True), torch.randn(10, 8)
    y = network(x)
    expected = (y, *torch.autograd.grad(y, [x, *network.parameters()], upstream))
    matrices = [parameter.detach().numpy() for parameter in network.parameters()]
    got = mlp_jax.gradient(matrices, x.detach().numpy(), upstream.numpy())
    for ours, theirs in zip(expected, got, strict=True):
        np.testing.assert_allclose(theirs, ours.detach().numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["broadcast", "expanded", "joined"])
def test_radial_basis_functions_equal_the_formula(name: str) -> None:
    shapes = ((6, 3), (4, 3), (4, 3), (2, 4), (2,))
    operands = [torch.randn(*shape, dtype=torch.float64) for shape in shapes]
    x, centers, log_scales, weights, bias = operands
    expected = bias.repeat(6, 1)
    for n in range(6):
        for k in range(4):
            squares = log_scales[k].exp() * (x[n] - centers[k]) ** 2
            expected[n] += weights[:, k] * math.exp(-0.5 * sum(squares.tolist()))
    torch.testing.assert_close(getattr(rbf_torch, name)(*operands), expected)


def test_spherical_harmonics_are_orthonormal() -> None:
    # A product rule that is exact for the polynomials of degree 6 that the products are.
    height, weight = np.polynomial.legendre.leggauss(8)
    angle = np.arange(16) * (2 * np.pi / 16)
    z, phi = np.meshgrid(height, angle, indexing="ij")
    r = np.sqrt(1 - z * z)
    direction = torch.tensor(np.stack([r * np.cos(phi), r * np.sin(phi), z], -1)).reshape(-1, 3)
    area = torch.tensor(np.repeat(weight * 2 * np.pi / 16, 16))
    values = spherical_harmonics(direction)
    torch.testing.assert_close(
        (values * area[:, None]).T @ values, torch.eye(16, dtype=torch.float64), rtol=0, atol=1e-12
    )


def test_composite_equals_reference_with_an_empty_ray() -> None:
    counts = [3, 0, 5, 1]
    offset = torch.tensor([0, 3, 3, 8, 9])
    ray = torch.repeat_interleave(torch.arange(4), torch.tensor(counts))
    sigma, rgb, t, dt = torch.rand(9) * 20, torch.rand(9, 3), torch.rand(9), torch.rand(9)
    color, opacity, depth = composite(sigma, rgb, t, dt, ray, offset)
    for r in range(4):
        transmittance, expected = 1.0, np.zeros(5)
        for i in range(offset[r], offset[r + 1]):
            weight = transmittance * (1 - math.exp(-float(sigma[i]) * float(dt[i])))
            transmittance -= weight
            expected += weight * np.array([*rgb[i].tolist(), 1.0, float(t[i])])
        got = [*color[r].tolist(), float(opacity[r]), float(depth[r])]
        np.testing.assert_allclose(got, expected, atol=FLOAT32)


def test_adam_first_step_is_the_learning_rate_in_the_gradients_sign() -> None:
    parameter = torch.zeros(3, requires_grad=True)
    gradient = torch.tensor([2.0, -0.5, 1e-3])
    make_adam(parameter, gradient, lr=0.1, betas=(0.9, 0.99), eps=1e-15).step()
    torch.testing.assert_close(parameter.detach(), -0.1 * gradient.sign())


def bounds(unbounded: bool) -> Bounds:
    return Bounds(center=(1.0, 2.0, 3.0), half_size=2.0, unbounded=unbounded, hull=None)


def occupancy(unbounded: bool) -> Occupancy:
    """A grid whose only occupied cell is [0.25, 0.5]^3 in model space."""
    grid = Occupancy(
        Space(bounds(unbounded), levels=4, steps=512), None, OccupancySettings(resolution=8)
    )
    grid.bits[:] = False
    grid.bits[(5 * 8 + 5) * 8 + 5] = True
    return grid


@pytest.mark.parametrize("unbounded", [False, True])
def test_march_samples_the_occupied_cell_alone(unbounded: bool) -> None:
    grid = occupancy(unbounded)
    target = grid.space.center + 2.0 * 0.375  # the middle of the cell
    origin = torch.tensor([[-5.0, 2.0, 3.0], [-5.0, 2.0, 3.0]])
    direction = torch.nn.functional.normalize(target - origin, dim=1)
    direction[1] *= -1
    samples = grid.march(origin, direction, torch.tensor([0.5, 0.5]))
    model = (origin[0] + samples.t[:, None] * direction[0] - grid.space.center) / 2.0
    assert samples.offset.tolist() == [0, len(samples.t), len(samples.t)]
    assert len(samples.t) > 4  # half a unit in steps of at most 1/64 of a distance of 7
    assert ((model >= 0.25 - 1e-5) & (model <= 0.5 + 1e-5)).all()  # rounding at a distance of 6
    torch.testing.assert_close(samples.x, grid.space.to_unit_cube(model), rtol=0, atol=1e-5)


def test_unbounded_steps_tile_the_ray() -> None:
    space = Space(bounds(True), levels=8, steps=512)
    t, dt = space.distance(torch.arange(space.count))
    # float32 powers with exponents of 1000
    torch.testing.assert_close(t[:-1] + dt[:-1], t[1:], rtol=1e-4, atol=0)
    assert t[-1] > 2.0 * 128 * 2  # across the outermost cube


def test_occupancy_keeps_what_the_field_says_is_dense() -> None:
    grid = occupancy(False)

    def density(x: torch.Tensor) -> torch.Tensor:
        return torch.where(x[:, 0] < 0.5, 100.0, 0.0)

    for step in range(300):
        grid.update(density, step)
    cells = grid.bits.view(8, 8, 8)
    assert cells[:, :, :4].all()
    assert not cells[:, :, 4:].any()


@pytest.mark.parametrize("unbounded", [False, True])
def test_renders_what_nfield_renders(unbounded: bool) -> None:
    settings = ["model.log2_table=12", "occupancy.resolution=16", "occupancy.levels=3"]
    config = override(defaults("builtin:matte"), [*settings, "train.samples=1024"])
    model = Model(config, bounds(unbounded))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 1.3 if parameter.ndim == 1 else 1e4  # visible structure
    peer = TorchNgp(bounds(unbounded), config, compiled=False)
    peer.copy_from(model)
    cameras = Cameras(
        torch.tensor([[[1.0, 0, 0, 1], [0, 1, 0, 2], [0, 0, 1, -3]]]),
        torch.tensor([[20.0, 20, 8, 8]]),
        torch.zeros(1, 6),
        torch.zeros(1, dtype=torch.int32),
        torch.tensor([[16, 16]], dtype=torch.int32),
    )
    ours = model.render(cameras, 0).color
    assert ours.std() > 0.05
    # A sample on the border of a cell may fall on either side of it; growing steps start at other
    # fractions of a step, which moves all samples.
    difference = (peer.render(cameras, 0) - ours).abs()
    assert difference.mean() < (1e-2 if unbounded else 1e-3)
    peer.occupancy.bits[:] = False
    assert bool((peer.render(cameras, 0) == 1).all())  # the background, white


def test_visible_samples_are_ours() -> None:
    counts = torch.tensor([40, 0, 1, 7, 0, 300])
    offset = torch.nn.functional.pad(counts.cumsum(0), (1, 0))
    ray = torch.repeat_interleave(torch.arange(6), counts)
    thickness = torch.rand(len(ray)) * 2  # on average ten of them leave 1e-4 of the light
    index, kept = visible(thickness, ray, offset)
    expected_index, expected_kept = visible_ours(offset, lambda index: thickness[index])
    assert torch.equal(index, expected_index)
    assert torch.equal(kept, expected_kept)
    index, kept = visible(torch.zeros(0), torch.zeros(0, dtype=torch.int64), torch.zeros(3).long())
    assert len(index) == 0
    assert kept.tolist() == [0, 0, 0]


def test_samples_within_a_budget_are_of_whole_rays() -> None:
    grid = occupancy(False)
    origin = torch.tensor([[-5.0, 2.75, 3.75]]).repeat(3, 1)  # through the middle of the cell
    samples = grid.march(origin, torch.tensor([[1.0, 0, 0]]).repeat(3, 1), torch.rand(3))
    one = int(samples.offset[1])
    assert one > 10
    first = samples.within(int(samples.offset[2]) + one - 2)
    assert first.offset.tolist() == samples.offset[:3].tolist()
    assert len(first.x) == len(first.t) == len(first.dt) == len(first.ray) == first.offset[-1]
    assert len(samples.within(one - 1).t) == 0


def test_distortion_is_ours() -> None:
    generator = torch.Generator().manual_seed(0)
    counts = torch.tensor([5, 0, 30, 1])
    offset = torch.cat([torch.zeros(1).long(), counts.cumsum(0)])
    ray = torch.repeat_interleave(torch.arange(4), counts)
    sigma, dt, s, ds = torch.rand(4, 36, generator=generator)
    ours = distortion_ours(sigma, dt, s.cumsum(0), ds, offset).mean()
    weight = weights(sigma, dt, ray, offset)
    theirs = distortion(weight, s.cumsum(0), ds, ray, offset)
    # Differences of sums near 20 in float32.
    assert torch.allclose(ours, theirs, atol=1e-5)
