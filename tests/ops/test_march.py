"""Ray marching: samples are exactly the lattice points in occupied cells."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import normalize

from nfield.ops.march import MarchSettings, Samples, march, pack_occupancy

G = 16


def settings_of(levels: int, cone: float = 0.0, step: float = 0.05) -> MarchSettings:
    return MarchSettings((0.5, -1.0, 2.0), 1.5, 0.2, step, cone, levels > 1, 4096)


def random_rays(count: int, seed: int, spread: float = 3.0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    origins = torch.tensor([0.5, -1.0, 2.0]) + spread * torch.randn(count, 3, generator=generator)
    directions = normalize(torch.randn(count, 3, generator=generator), dim=1)
    return origins, directions, torch.rand(count, generator=generator)


def reference(
    origin: np.ndarray, direction: np.ndarray, jitter: float, grid: np.ndarray, s: MarchSettings
) -> tuple[list[float], list[float]]:
    """All lattice points of one ray, one by one, without skipping: (t inside, t near a border)."""
    half = s.half_size * 2 ** (len(grid) - 1)
    with np.errstate(divide="ignore"):
        ends = (np.array(s.center) + np.array([[-half], [half]]) - origin) / direction
    begin, end = max(s.near, ends.min(0).max()), ends.max(0).min()
    inside, unsure = [], []
    t = begin + jitter * max(s.step, s.cone * begin)
    while t < end:
        p = (origin + t * direction - s.center) / s.half_size
        norm = np.abs(p).max()
        level = min(max(int(np.ceil(np.log2(max(norm, 1e-9)))), 0), len(grid) - 1)
        cell = (p / 2**level * 0.5 + 0.5) * G
        x, y, z = np.clip(cell.astype(int), 0, G - 1)
        near_border = np.abs(cell - np.round(cell)).min() < 1e-3 or end - t < 1e-3
        if near_border:
            unsure.append(t)
        elif grid[level, z, y, x]:
            inside.append(t)
        t += max(s.step, s.cone * t)
    return inside, unsure


@pytest.mark.parametrize(("levels", "cone"), [(1, 0.0), (4, 0.0), (4, 0.02)])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_samples_are_the_lattice_points_in_occupied_cells(
    levels: int, cone: float, share: float
) -> None:
    s = settings_of(levels, cone)
    grid = torch.rand(levels, G, G, G, generator=torch.Generator().manual_seed(1)) < share
    origins, directions, jitter = random_rays(60, 2)
    samples = march(origins, directions, jitter, pack_occupancy(grid), G, s)
    for ray in range(60):
        got = samples.t[samples.offset[ray] : samples.offset[ray + 1]].double().numpy()
        inside, unsure = reference(
            origins[ray].double().numpy(),
            directions[ray].double().numpy(),
            float(jitter[ray]),
            grid.numpy(),
            s,
        )
        # float32 distances of up to 40 after 1000 additions: 1e-3.
        allowed = np.array(inside + unsure)
        assert all(np.abs(allowed - t).min() < 1e-3 for t in got)
        assert all(np.abs(got - t).min() < 1e-3 for t in inside) if len(got) else not inside


def test_packing_is_consistent() -> None:
    s = settings_of(3, 0.01)
    grid = torch.rand(3, G, G, G) < 0.3
    origins, directions, jitter = random_rays(200, 3)
    samples = march(origins, directions, jitter, pack_occupancy(grid), G, s)
    counts = samples.offset.diff()
    assert torch.equal(samples.ray.long(), torch.repeat_interleave(torch.arange(200), counts))
    assert bool((samples.x > 0).all()) and bool((samples.x < 1).all())
    assert bool((samples.t >= s.near).all())
    # dt is the distance to the next lattice point.
    want = torch.clamp(s.cone * samples.t, min=s.step)
    assert torch.allclose(samples.dt, want, atol=0, rtol=1e-6)


def test_budget_cuts_whole_rays() -> None:
    s = settings_of(1)
    words = pack_occupancy(torch.ones(1, G, G, G, dtype=torch.bool))
    origins, directions, jitter = random_rays(100, 4, spread=0.3)
    full = march(origins, directions, jitter, words, G, s)
    cut = march(origins, directions, jitter, words, G, s, budget=500)
    assert 0 < len(cut) <= 500
    assert torch.equal(cut.t, full.t[: len(cut)])
    assert torch.equal(cut.offset, full.offset[: cut.rays + 1])
    assert int(full.offset[cut.rays + 1]) > 500


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_packed_bits_are_the_cells(seed: int) -> None:
    grid = torch.rand(2, G, G, G, generator=torch.Generator().manual_seed(seed)) < 0.5
    words = pack_occupancy(grid).numpy().reshape(2, 4, 4, 4)
    level, z, y, x = (seed % 2, (seed >> 1) % G, (seed >> 5) % G, (seed >> 9) % G)
    word = int(words[level, z // 4, y // 4, x // 4])
    assert bool(word >> ((z % 4) * 16 + (y % 4) * 4 + x % 4) & 1) == bool(grid[level, z, y, x])


def test_degenerate_rays_give_finite_samples() -> None:
    s = settings_of(1)
    words = pack_occupancy(torch.ones(1, G, G, G, dtype=torch.bool))
    directions = torch.cat([torch.eye(3), -torch.eye(3)])
    origins = torch.tensor([[0.5, -1.0, 2.0]]).repeat(6, 1)
    samples = march(origins, directions, torch.full((6,), 0.5), words, G, s)
    # From the centre to a face: 1.5 - near units in steps of 0.05.
    assert samples.offset.diff().tolist() == [26] * 6
    assert bool(samples.x.isfinite().all())


def collect(samples: Samples) -> list[Tensor]:
    return [samples.offset, samples.ray, samples.x, samples.t, samples.dt]


def test_refusals_name_argument_and_value() -> None:
    s = settings_of(1)
    words = pack_occupancy(torch.ones(1, G, G, G, dtype=torch.bool))
    origins, directions, jitter = random_rays(5, 1)
    with pytest.raises(ValueError, match=r"directions must have shape \(5, 3\), got \(4, 3\)"):
        march(origins, directions[:4], jitter, words, G, s)
    with pytest.raises(ValueError, match=r"words must have shape \(any, 512\)"):
        march(origins, directions, jitter, words, 32, s)
    with pytest.raises(ValueError, match="resolution % 16 must be one of 0, got 4"):
        pack_occupancy(torch.ones(1, 20, 20, 20, dtype=torch.bool))


@pytest.mark.parametrize("distance", [1e7, 1e30, torch.nan])
def test_rays_from_absurdly_far_end_without_samples(distance: float) -> None:
    s = settings_of(1)
    words = pack_occupancy(torch.zeros(1, G, G, G, dtype=torch.bool))
    origins = torch.tensor([[0.5 - distance, -1.0, 2.0]])
    samples = march(origins, torch.tensor([[1.0, 0, 0]]), torch.tensor([0.5]), words, G, s)
    assert len(samples) == 0


@given(first=st.integers(0, 40), count=st.integers(0, 40))
def test_some_rays_have_the_samples_they_had_among_all(first: int, count: int) -> None:
    s, last = settings_of(1), min(first + count, 40)
    words = pack_occupancy(torch.rand(1, G, G, G, generator=torch.Generator().manual_seed(1)) < 0.3)
    origins, directions, jitter = random_rays(40, 2)
    part = march(origins, directions, jitter, words, G, s).part(slice(first, last))
    alone = march(origins[first:last], directions[first:last], jitter[first:last], words, G, s)
    for one, other in zip(vars(part).values(), vars(alone).values(), strict=True):
        assert torch.equal(one, other)
