"""Losses: the clamp ignores what does not show and never loses a gradient that matters."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from nfield.conversion.losses import Clamp, log_density, root_mean_square
from nfield.conversion.stages import Stages

CLAMP = Clamp(-2.0, 7.0)


def test_the_clamp_compares_where_densities_show() -> None:
    teacher = torch.tensor([0.0, 0.0, -50.0, -50.0, 30.0, 30.0])
    student = torch.tensor([1.0, -9.0, -3.0, 1.0, 8.0, 5.0])
    want = torch.tensor([1.0, -9.0, 0.0, 3.0, 0.0, -2.0])
    assert torch.equal(CLAMP.error(student, teacher), want)


def test_a_student_beyond_the_clamp_still_learns() -> None:
    student = torch.tensor([-40.0], requires_grad=True)
    CLAMP.error(student, torch.tensor([3.0])).square().sum().backward()
    assert student.grad is not None
    assert float(student.grad) == -86.0


def test_log_density_has_the_gradient_of_the_logarithm() -> None:
    density = torch.tensor([1e-20, 0.5, 1e4], requires_grad=True)
    logarithm = log_density(density)
    logarithm.sum().backward()
    assert_close(logarithm.detach(), torch.tensor([-46.051702, -0.693147, 9.210340]))
    assert density.grad is not None
    assert_close(density.grad, 1 / density.detach())
    assert log_density(torch.zeros(1)).isfinite().all()


def test_root_mean_square_has_its_value_and_gradient() -> None:
    error = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    root = root_mean_square(error)
    root.backward()
    double = error.detach().double().requires_grad_()
    want = double.square().mean().sqrt()
    want.backward()
    assert_close(root.double(), want)  # float32 rounding
    assert error.grad is not None
    assert double.grad is not None
    assert_close(error.grad.double(), double.grad, rtol=1e-5, atol=1e-8)
    assert float(root_mean_square(torch.zeros(0, 3))) == 0


def test_stages_follow_one_another_and_fill_the_budget() -> None:
    stages = Stages(0.1, 0.3)
    at = [stages.at(i / 1000) for i in range(1001)]
    assert sum(weights.latent > 0 for weights in at) == 100
    assert sum(weights.color > 0 and weights.pixel == 0 for weights in at) == 300
    assert sum(weights.pixel > 0 for weights in at) == 601
    assert all(weights.density > 0 for weights in at)
    assert all(weights.latent == 0 for weights in map(Stages(0, 0.3).at, (0.0, 0.5, 1.0)))
