"""Coarse to fine: how a grid's resolution follows the share of the budget spent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Grid(Protocol):
    """An encoding whose grids can be refined."""

    def grow(self, resolution: int) -> None:
        """Resample to a finer resolution."""
        ...


@dataclass
class Growth:
    """Grows a grid from a coarse to a fine resolution in equal ratios.

    Formula
        after stage i of S, at the share `end` i / S of the budget, the resolution is
        coarse (fine / coarse)^(i / S), rounded
    Source
        Chen et al. 2022, TensoRF, arXiv:2203.09517, Sec. 4.4

    Args:
        grid: What grows; it is built with the coarse resolution.
        coarse, fine: Resolutions at the beginning and after the last stage.
        stages: Number of steps up.
        end: Share of the budget after which the resolution is the fine one.
    """

    grid: Grid
    coarse: int
    fine: int
    stages: int
    end: float

    def __post_init__(self) -> None:
        if not 2 <= self.coarse <= self.fine:
            raise ValueError(
                f"growth: coarse resolution must be from 2 to the fine one {self.fine}, "
                f"got {self.coarse}"
            )
        self.resolution = self.coarse

    def at(self, progress: float) -> int:
        """Resolution at a share of the budget."""
        share = progress / self.end
        done = int(share * self.stages) if share < 1 else self.stages
        return round(self.coarse * (self.fine / self.coarse) ** (done / self.stages))

    def grow(self, progress: float) -> bool:
        """Grow as far as is due; True if the resolution changed."""
        due = self.at(progress)
        if due <= self.resolution:
            return False
        self.grid.grow(due)
        self.resolution = due
        return True
