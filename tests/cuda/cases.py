"""Every operation once, with inputs small enough for any device: what parity is tested on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from nfield.ops.composite import composite
from nfield.ops.contraction import to_unit_cube
from nfield.ops.dense_grid import DenseGridShape, dense_grid
from nfield.ops.distortion import distortion
from nfield.ops.fourier import fourier
from nfield.ops.hash_grid import HashGridShape, hash_grid
from nfield.ops.lowrank import cp, vm
from nfield.ops.mlp import MlpShape, mlp
from nfield.ops.modulated_layer import ModulatedLayerShape, modulated_layer
from nfield.ops.pointwise import exponential, logistic
from nfield.ops.rays import generate_rays, project
from nfield.ops.rbf import rbf
from nfield.ops.spherical_harmonics import spherical_harmonics
from nfield.ops.total_variation import total_variation
from nfield.ops.triplane import TriplaneShape, triplane

POINTS, RAYS = 700, 90  # several blocks of threads, the last one in part


@dataclass(frozen=True)
class Case:
    """A function of tensors on one device, differentiable in those of `leaves`."""

    function: Callable[..., Tensor | tuple[Tensor, ...]]
    inputs: tuple[Tensor, ...]
    leaves: Sequence[int] = field(default=())


def results(case: Case, device: torch.device | str) -> list[Tensor]:
    """Outputs and gradients of a fixed weighted sum of them, computed on the device."""
    inputs = [
        tensor.to(device).detach().requires_grad_(i in case.leaves)
        for i, tensor in enumerate(case.inputs)
    ]
    given = case.function(*inputs)
    outputs = [given] if isinstance(given, Tensor) else list(given)
    if not case.leaves:
        return [output.cpu() for output in outputs]
    weight = torch.Generator().manual_seed(7)
    total = sum(
        (output * torch.randn(output.shape, generator=weight).to(device)).sum()
        for output in outputs
    )
    assert isinstance(total, Tensor)
    gradients = torch.autograd.grad(total, [inputs[i] for i in case.leaves])
    return [tensor.detach().cpu() for tensor in (*outputs, *gradients)]


def cases() -> dict[str, Case]:
    """All operations by name."""
    torch.manual_seed(0)
    return _grids() | _networks() | _pointwise() | _rays() | _cameras()


def _grids() -> dict[str, Case]:
    x = torch.rand(POINTS, 3)
    found = {}
    for features in (1, 2, 4, 8):
        shape = HashGridShape(3, features, 6, 9, 4, 64)
        table = torch.randn(shape.entries, features)
        found[f"hash_grid {features}"] = Case(
            lambda x, t, shape=shape: hash_grid(x, t, shape), (x, table), (0, 1)
        )
    dense = DenseGridShape((5, 6, 7), 6, (False, True, False))
    table = torch.randn(dense.entries, dense.channels)
    found["dense_grid"] = Case(lambda x, t: dense_grid(x, t, dense), (x, table), (0, 1))
    planes = TriplaneShape(9, 8)
    table = torch.randn(planes.planes)
    found["triplane"] = Case(lambda x, t: triplane(x, t, planes), (x, table), (0, 1))
    lines = torch.randn(3, 9, 8)
    found["vm"] = Case(vm, (x, torch.randn(3, 9, 9, 8), lines), (0, 1, 2))
    found["cp"] = Case(cp, (x, lines), (0, 1))
    found["total_variation"] = Case(total_variation, (torch.randn(2, 5, 6, 7, 3),), (0,))
    return found


def _networks() -> dict[str, Case]:
    x = torch.randn(POINTS, 20)
    found = {}
    for width in (16, 64, 128):
        # Smooth: with ReLU, rounding would turn single units on or off.
        shape = MlpShape(20, 5, width, 2, "softplus", True)
        weights = torch.randn(shape.parameters) / width**0.5
        found[f"mlp {width}"] = Case(
            lambda x, w, shape=shape: mlp(x, w, shape), (x, weights), (0, 1)
        )
    layer = ModulatedLayerShape(20, 24, norm="layer", activation="relu")
    operands = (torch.randn(24, 20), torch.randn(24), torch.randn(POINTS, 1))
    found["modulated_layer"] = Case(
        lambda *given: modulated_layer(*given, layer),
        (x, *operands, torch.randn(POINTS, 1)),
        (0, 1, 2, 3, 4),
    )
    found["rbf"] = Case(
        rbf,
        (x[:, :6], torch.randn(32, 6), torch.randn(32, 6), torch.randn(4, 32), torch.randn(4)),
        (0, 1, 2, 3, 4),
    )
    return found


def _pointwise() -> dict[str, Case]:
    x = torch.randn(POINTS, 3)
    direction = torch.nn.functional.normalize(x, dim=1)
    return {
        "exponential": Case(lambda x: exponential(x, 1.0), (x,), (0,)),
        "logistic": Case(logistic, (x,), (0,)),
        "spherical_harmonics": Case(spherical_harmonics, (direction,), (0,)),
        "fourier": Case(fourier, (x, torch.randn(40, 3)), (0, 1)),
        "unit_cube": Case(lambda x: to_unit_cube(3 * x, (0.1, 0.2, 0.3), 1.5, True), (x,)),
    }


def _rays() -> dict[str, Case]:
    count = torch.randint(0, 30, (RAYS,))
    offset = torch.cat([torch.zeros(1, dtype=torch.int64), count.cumsum(0)])
    samples = int(offset[-1])
    sigma, rgb, dt = torch.rand(samples) * 3, torch.rand(samples, 3), torch.rand(samples) * 0.2
    t = torch.rand(samples).cumsum(0)
    return {
        "composite": Case(composite, (sigma, rgb, t, dt, offset), (0, 1)),
        "distortion": Case(distortion, (sigma, dt, t, dt, offset), (0,)),
    }


def _cameras() -> dict[str, Case]:
    pose = torch.eye(4)[None, :3].repeat(2, 1, 1) + 0.1 * torch.randn(2, 3, 4)
    lens = torch.tensor([0, 1], dtype=torch.int32)
    cameras = (pose, torch.tensor([[90.0, 80.0, 32.0, 24.0]] * 2), 0.01 * torch.randn(2, 6), lens)
    index = torch.randint(0, 2, (POINTS,))
    points = torch.randn(POINTS, 3) + torch.tensor([0.0, 0.0, 8.0])
    return {
        "generate_rays": Case(generate_rays, (*cameras, index, torch.rand(POINTS, 2) * 48)),
        "project": Case(project, (*cameras, index, points)),
    }
