"""Active learning: what the student finds hard is shown again, and what matters counts more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from nfield.ops.march import Samples

HARDEST = 0.1  # share of the rays, and of the poses, of a step that are kept to be shown again
HEAVIEST = 0.3  # share of a ray's samples that count
OPAQUE = 0.5  # least opacity of a ray that has a surface


class Pool:
    """The last so many hard rows: new ones replace the oldest.

    Source: Fang et al. 2023, "PVD-AL: Progressive Volume Distillation with Active Learning",
    arXiv:2304.04012, image and ray level

    Args:
        name: Of the rows in a checkpoint.
        size: Most rows that are kept.
        width: Numbers of a row.
    """

    def __init__(self, name: str, size: int, width: int):
        self.name = name
        self._rows = torch.zeros(size, width)
        self._seen = 0

    def __len__(self) -> int:
        return min(self._seen, len(self._rows))

    def add(self, rows: Tensor, hardness: Tensor) -> None:
        """Keep the hardest tenth of rows ``(N, width)`` by ``(N,)``."""
        order = torch.argsort(hardness, descending=True, stable=True)
        chosen = rows[order[: max(1, round(HARDEST * len(rows)))]][: len(self._rows)]
        place = (self._seen + torch.arange(len(chosen))) % len(self._rows)
        self._rows[place] = chosen
        self._seen += len(chosen)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Random rows ``(count, width)``; none while there are none."""
        if not len(self):
            return self._rows[:0]
        return self._rows[torch.randint(len(self), (count,), generator=generator)]

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What `restore` takes."""
        return {self.name: self._rows.clone()}, {self.name: self._seen}

    def restore(self, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
        """Inverse of `state`."""
        self._rows.copy_(tensors[self.name])
        self._seen = meta[self.name]


def heavy(samples: Samples, *thickness: Tensor) -> Tensor:
    r"""Which samples matter to their ray under any of the given optical thicknesses.

    Formula
        of rays with opacity at least 1/2, the 30 % of samples with the greatest weights
        $e^{-\sum_{j<k} \tau_j} (1 - e^{-\tau_k})$
    Shape
        each thickness ``(S,)`` -> ``(S,)`` bool
    Source
        Fang et al. 2023, arXiv:2304.04012, point level
    """
    chosen = torch.zeros_like(samples.t, dtype=torch.bool)
    for tau in thickness:
        chosen |= _heaviest(samples, tau.detach().double())
    return chosen


def _heaviest(samples: Samples, tau: Tensor) -> Tensor:
    ray, offset = samples.ray.long(), samples.offset
    passed = torch.cat([tau.new_zeros(1), tau.cumsum(0)])
    start = passed[offset[:-1]]
    weight = torch.exp(start[ray] - passed[:-1]) * -torch.expm1(-tau)
    opaque = -torch.expm1(start - passed[offset[1:]]) >= OPAQUE
    # Ascending rays, within each descending weights, which are at most 1.
    order = torch.argsort(ray - weight / 2, stable=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device) - offset[ray[order]]
    count = (offset[1:] - offset[:-1])[ray].double()
    return opaque[ray] & (rank < HEAVIEST * count)
