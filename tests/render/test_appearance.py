"""Appearance: maps of colours that commute with compositing, the identity on average."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from nfield.ops.composite import composite
from nfield.render.appearance import Appearance
from nfield.render.rendered import Rendered

VIEWS, RAYS, SAMPLES = 4, 6, 5


def moved() -> Appearance:
    appearance = Appearance(VIEWS)
    with torch.no_grad():
        appearance.maps.normal_(0, 0.3, generator=torch.Generator().manual_seed(0))
    return appearance


def rendered(color: torch.Tensor) -> Rendered:
    generator = torch.Generator().manual_seed(1)
    total = RAYS * SAMPLES
    sigma, t = torch.rand(total, generator=generator), torch.rand(total, generator=generator)
    offset = torch.arange(0, total + 1, SAMPLES)
    return Rendered(*composite(sigma, color, t, torch.full((total,), 0.5), offset))


def test_mapped_rays_are_those_of_mapped_samples() -> None:
    color = torch.rand(RAYS * SAMPLES, 3, generator=torch.Generator().manual_seed(2))
    view = torch.tensor([0, 1, 2, 3, 0, 1])
    appearance = moved()
    maps = torch.eye(3, 4) + appearance.maps.detach() - appearance.maps.detach().mean(0)
    of_sample = maps[view].repeat_interleave(SAMPLES, 0)
    mapped = (of_sample[:, :, :3] @ color[:, :, None]).squeeze(2) + of_sample[:, :, 3]
    seen = appearance(view, rendered(color))
    assert_close(seen.color, rendered(mapped).color, atol=1e-6, rtol=0)  # sums of O(1) in float32
    assert torch.equal(seen.opacity, rendered(color).opacity)


def test_maps_are_the_identity_at_first_and_on_average() -> None:
    color = torch.rand(RAYS * SAMPLES, 3, generator=torch.Generator().manual_seed(2))
    rays = rendered(color)
    view = torch.zeros(RAYS, dtype=torch.long)
    assert torch.equal(Appearance(VIEWS)(view, rays).color, rays.color)
    appearance = moved()
    every = torch.stack([appearance(view + i, rays).color for i in range(VIEWS)])
    assert_close(every.mean(0), rays.color, atol=1e-6, rtol=0)
    assert float((every[0] - rays.color).detach().abs().max()) > 0.05
