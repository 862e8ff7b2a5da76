"""Active learning: pools keep the hardest and come back, heavy samples are those that show."""

from __future__ import annotations

import torch

from nfield.conversion.hard import Pool, heavy
from nfield.ops.march import Samples


def packed(*counts: int) -> Samples:
    offset = torch.tensor([0, *counts]).cumsum(0)
    ray = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts)).int()
    zeros = torch.zeros(len(ray))
    return Samples(offset, ray, zeros[:, None].expand(-1, 3), zeros, zeros)


def test_a_pool_keeps_the_hardest_tenth_and_forgets_the_oldest() -> None:
    pool = Pool("rays", 6, 1)
    generator = torch.Generator().manual_seed(0)
    assert len(pool.draw(3, generator)) == 0
    pool.add(torch.arange(20.0)[:, None], torch.arange(20.0).flip(0))
    assert set(pool.draw(50, generator).flatten().tolist()) == {0, 1}
    for first in (100.0, 200.0, 300.0):
        pool.add(first + torch.arange(20.0)[:, None], torch.arange(20.0))
    assert set(pool.draw(200, generator).flatten().tolist()) == {119, 118, 219, 218, 319, 318}


def test_a_pool_comes_back_from_its_state() -> None:
    pool, again = (Pool("poses", 8, 2) for _ in range(2))
    pool.add(torch.rand(100, 2), torch.rand(100))
    again.restore(*pool.state())
    draws = [p.draw(9, torch.Generator().manual_seed(1)) for p in (pool, again)]
    assert torch.equal(*draws)
    assert len(again) == len(pool) == 8


def test_heavy_samples_carry_the_light_of_opaque_rays() -> None:
    thin = torch.full((10,), 0.01)  # opacity 0.1
    surface = torch.tensor([0, 0, 0.1, 5, 4, 3, 0, 0, 0, 9])
    tau = torch.cat([thin, surface])
    chosen = heavy(packed(10, 10), tau)
    assert not chosen[:10].any()
    # Weights 0, 0, 0.095, 0.899, 0.006 and less: three of ten count.
    assert chosen[10:].nonzero().flatten().tolist() == [2, 3, 4]


def test_heavy_samples_of_either_model_count() -> None:
    one, other = torch.zeros(10), torch.zeros(10)
    one[:3], other[7:] = 3.0, 3.0
    union = heavy(packed(10), one, other)
    assert torch.equal(union, heavy(packed(10), one) | heavy(packed(10), other))
    assert union[0]
    assert union[7]
