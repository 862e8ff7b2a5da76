"""Coordinate-aware modulation: starts as nothing, coordinates of its grids, learning."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import layer_norm, linear, normalize
from torch.testing import assert_close

from nfield.networks.cam import CAM
from nfield.networks.modulation import Modulation, ModulationGrid, angles

GRIDS = {
    "image": ModulationGrid("image", (8, 6)),
    "time": ModulationGrid("time", (5,)),
    "direction": ModulationGrid("direction", (10, 3)),
    "space": ModulationGrid("space", (5, 6, 7)),
    "per channel": ModulationGrid("time", (5,), per_channel=True),
}


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def coordinates(grid: ModulationGrid, rows: int) -> Tensor:
    p = torch.rand(rows, {"image": 2, "time": 1}.get(grid.domain, 3))
    return normalize(p - 0.5, dim=1) if grid.domain == "direction" else p


def randomize(modulation: Modulation) -> None:
    with torch.no_grad():
        for table in modulation.tables:
            table.normal_(std=0.5)


def bilinear(p: Tensor, table: Tensor, sides: tuple[int, int], wrap: bool) -> Tensor:
    """Float64, vertex by vertex; the first axis wraps if asked to."""
    rows, columns = sides
    u = p[:, 0].double() * rows if wrap else p[:, 0].double() * (rows - 1)
    v = p[:, 1].double() * (columns - 1)
    value = torch.zeros(len(p), table.shape[1], dtype=torch.float64)
    for i in range(rows):
        for j in range(columns):
            distance = (u - i).abs()
            if wrap:
                distance = torch.minimum(distance, rows - distance)
            weight = (1 - distance).clamp_min(0) * (1 - (v - j).abs()).clamp_min(0)
            value += weight[:, None] * table[i * columns + j].double()
    return value


@pytest.mark.parametrize("norm", ["none", "layer", "ray", "instance"])
@pytest.mark.parametrize("name", GRIDS)
def test_starts_as_the_network_without_grids(name: str, norm: str) -> None:
    group = 20 if norm in ("ray", "instance") else 1
    torch.manual_seed(1)
    net = CAM(9, 3, width=24, hidden=2, grid=GRIDS[name], norm=norm, group=group)
    torch.manual_seed(1)
    plain = CAM(9, 3, width=24, hidden=2, norm=norm, group=group)
    x = torch.randn(100, 9)
    assert torch.equal(net(x, coordinates(GRIDS[name], 100)), plain(x))


def test_is_linear_norm_modulate_relu_then_linear() -> None:
    net = CAM(5, 2, width=16, hidden=2, grid=GRIDS["per channel"])
    assert net.modulation is not None
    randomize(net.modulation)
    x, p = torch.randn(40, 5), torch.rand(40, 1)
    scale, shift = (part.double() for part in net.modulation(p))
    assert scale.shape == shift.shape == (2, 40, 16)
    h = x.double()
    for layer, it in enumerate(net.hidden):
        n = layer_norm(linear(h, it.weight.double(), it.bias.double()), (16,), eps=1e-5)
        h = torch.relu(scale[layer] * n + shift[layer])
    weight, bias = net.head.layer(0)
    want = linear(h, weight.double(), bias.double())
    assert_close(net(x, p).double(), want, atol=2e-5, rtol=0)  # float32, three layers


@pytest.mark.parametrize("name", ["image", "direction"])
def test_planes_interpolate_scales_and_shifts(name: str) -> None:
    grid = GRIDS[name]
    modulation = Modulation(grid, layers=2, width=4)
    randomize(modulation)
    p = coordinates(grid, 50)
    at = angles(p) if name == "direction" else p
    want = bilinear(at, modulation.tables[0], grid.resolution, wrap=name == "direction")
    scale, shift = modulation(p)
    assert_close(scale[..., 0].double(), 1 + want[:, :2].T, atol=1e-5, rtol=0)
    assert_close(shift[..., 0].double(), want[:, 2:].T, atol=1e-5, rtol=0)


def test_space_multiplies_scales_and_adds_shifts() -> None:
    modulation = Modulation(GRIDS["space"], layers=1, width=4)
    randomize(modulation)
    p = torch.rand(50, 3)
    scale, shift = torch.ones(50, dtype=torch.float64), torch.zeros(50, dtype=torch.float64)
    planes = (((0, 1), (5, 6)), ((0, 2), (5, 7)), ((1, 2), (6, 7)))
    for table, (axes, sides) in zip(modulation.tables, planes, strict=True):
        plane = bilinear(p[:, axes], table, sides, wrap=False)
        scale, shift = scale * (1 + plane[:, 0]), shift + plane[:, 1]
    got = modulation(p)
    assert_close(got[0][0, :, 0].double(), scale, atol=2e-5, rtol=0)
    assert_close(got[1][0, :, 0].double(), shift, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", GRIDS)
def test_every_grid_learns_from_the_start(name: str) -> None:
    net = CAM(9, 3, width=24, hidden=2, grid=GRIDS[name])
    (net(torch.randn(500, 9), coordinates(GRIDS[name], 500)) ** 2).sum().backward()
    for table in net.grid_parameters():
        assert table.grad is not None
        assert bool((table.grad.abs().amax(0) > 0).all())  # every scale and every shift


def test_azimuth_wraps_and_elevation_spans_the_sphere() -> None:
    around = torch.linspace(-torch.pi, torch.pi, 9)[:-1]
    level = torch.stack((around.cos(), around.sin(), torch.zeros(8)), dim=1)
    # 1/8 of a turn apart, in order, but for the seam, which is at 0 or 1
    turns = torch.diff(angles(level)[:, 0]) % 1
    assert_close(turns, torch.full((7,), 1 / 8), atol=1e-6, rtol=0)
    up = torch.linspace(-torch.pi / 2, torch.pi / 2, 7)
    arc = torch.stack((up.cos(), torch.zeros(7), up.sin()), dim=1)
    assert_close(angles(arc)[:, 1], torch.linspace(1, 0, 7), atol=1e-6, rtol=0)

    modulation = Modulation(GRIDS["direction"], layers=1, width=4)
    randomize(modulation)
    seam = normalize(torch.tensor([[-1.0, 1e-6, 0.3], [-1.0, -1e-6, 0.3]]), dim=1)
    scale, _ = modulation(seam)
    # 3e-7 of a turn apart: ten vertices of size one are a few 1e-6 apart
    assert_close(scale[0, 0], scale[0, 1], atol=2e-5, rtol=0)


def test_poles_have_finite_gradients() -> None:
    d = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]], requires_grad=True)
    angles(d).sum().backward()
    assert d.grad is not None and bool(d.grad.isfinite().all())


def test_parameters_are_those_of_the_grids_and_those_of_the_network() -> None:
    net = CAM(512, 3, width=256, hidden=3, grid=ModulationGrid("image", (32, 32)))
    grids, network = net.grid_parameters(), net.network_parameters()
    assert sum(p.numel() for p in grids) == 6144  # the published setting: 2 x 32 x 32 a layer
    assert sum(p.numel() for p in network) == 263683
    assert {id(p) for p in net.parameters()} == {id(p) for p in (*grids, *network)}
    assert len(list(net.parameters())) == len(grids) + len(network)
    assert CAM(4, 3, width=8).grid_parameters() == []


def test_grids_carry_detail_the_network_lacks() -> None:
    p = torch.rand(500, 1)
    target = torch.sin(40 * p)
    losses = {}
    for name, grid in (("with", ModulationGrid("time", (40,))), ("without", None)):
        torch.manual_seed(3)
        net = CAM(1, 1, width=16, hidden=2, grid=grid)
        groups = [{"params": net.network_parameters()}]
        if grid is not None:
            groups.append({"params": net.grid_parameters(), "lr": 1e-1})
        optimizer = torch.optim.Adam(groups, lr=1e-2)
        for _ in range(100):
            loss = (net(p, p) - target).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses[name] = float(loss.detach())
    assert losses["with"] < 0.1 * losses["without"]


def test_refusals_name_argument_and_value() -> None:
    with pytest.raises(ValueError, match="domain must be one of image, time, direction, space"):
        ModulationGrid("video", (3,))
    with pytest.raises(ValueError, match="over direction must have 2 numbers, got 3"):
        ModulationGrid("direction", (3, 3, 3))
    with pytest.raises(ValueError, match="CAM: hidden must be from 1 to 64, got 65"):
        CAM(4, 3, hidden=65)
    with pytest.raises(ValueError, match=r"Modulation: a parameter of shape .* takes .* bytes"):
        Modulation(ModulationGrid("image", (40_000, 40_000)), layers=64, width=1)
    net = CAM(4, 3, width=8, grid=GRIDS["direction"])
    x = torch.randn(5, 4)
    with pytest.raises(ValueError, match="p must be given where the network has a grid, got None"):
        net(x)
    with pytest.raises(ValueError, match=r"p must have shape \(any, 3\), got \(5, 2\)"):
        net(x, torch.rand(5, 2))
    with pytest.raises(ValueError, match=r"gamma must have shape \(5, 1\), got \(4, 1\)"):
        net(x, torch.rand(4, 3))
