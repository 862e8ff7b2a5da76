"""The parts of the further architectures beside their fastest peers.

`python -m benchmarks.architectures`; one function for every group.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import tyro

from benchmarks.architectures_cam import modulated_layers
from benchmarks.architectures_grids import grids
from benchmarks.architectures_waves import waves
from benchmarks.comparison import Comparison, compare, forward, forward_backward
from benchmarks.peers import rbf_torch
from nfield.ops.rbf import rbf


def radial_basis_functions(points: int) -> Iterator[Comparison]:
    in_dim, kernels, out_dim = 32, 64, 4
    operands = (
        torch.randn(points, in_dim),
        0.1 * torch.randn(kernels, in_dim),
        0.1 * torch.randn(kernels, in_dim) - 2,  # Gaussians of about 0.1
        torch.randn(out_dim, kernels),
        torch.randn(out_dim),
    )
    for operand in operands:
        operand.requires_grad_()
    upstream = torch.randn(points, out_dim)
    forwards, backwards = {}, {}
    for function in (rbf_torch.expanded, rbf_torch.joined, rbf_torch.broadcast):
        compiled = torch.compile(function, dynamic=False)
        for kind, peer in (("torch.compile", compiled), ("torch eager", function)):
            name = f"{kind} {function.__name__}"
            forwards[name] = forward(peer, *operands)
            backwards[name] = forward_backward(peer, operands, operands, upstream)
    name = f"RBF D={in_dim} K={kernels}"
    yield Comparison(f"{name}, forward", forward(rbf, *operands), forwards, points, {"": 2.5})
    both = forward_backward(rbf, operands, operands, upstream)
    yield Comparison(f"{name}, forward+backward", both, backwards, points, {"": 2.5})


def comparisons(shrink: int) -> Iterator[Comparison]:
    yield from radial_basis_functions((1 << 17) // shrink)
    yield from modulated_layers((1 << 15) // shrink)
    yield from waves(shrink)
    yield from grids(shrink)


def main(seconds: float = 4.0, shrink: int = 1, only: str = "") -> None:
    """Time every part beside its peers.

    Args:
        seconds: time spent per comparison, at least five turns each.
        shrink: divide all batch sizes by this: a quick check, not a measurement, and not recorded.
        only: the parts whose name contains this; not recorded either.
    """
    compare("architectures", comparisons(shrink), seconds=seconds, only=only, write=shrink == 1)


if __name__ == "__main__":
    tyro.cli(main)
