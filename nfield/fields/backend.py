"""What computes the parts of a field on a GPU: nfield's kernels, or tiny-cuda-nn's."""

from __future__ import annotations

from torch import nn

from nfield.encodings.hash_grid import HashGrid
from nfield.errors import InputError
from nfield.networks.mlp import MLP
from nfield.ops import tcnn

SOURCE = "git+https://github.com/NVlabs/tiny-cuda-nn/#subdirectory=bindings/torch"


def use_tcnn(field: nn.Module, device_type: str) -> None:
    """Have tiny-cuda-nn compute the hash grids and perceptrons of a field that it can.

    Raises:
        InputError: another device than a GPU, tiny-cuda-nn is not installed, or the field has no
            such part.
    """
    if device_type != "cuda":
        raise InputError(
            f"--set backend: tcnn must have a GPU, got {device_type}; add --device cuda"
        )
    if not tcnn.installed():
        raise InputError(
            f"--set backend: tcnn must be installed, got none; pip install {SOURCE}, or use native"
        )
    grids = [part for part in field.modules() if isinstance(part, HashGrid)]
    perceptrons = [p for p in field.modules() if type(p) is MLP and tcnn.takes(p.shape)]
    if not (grids or perceptrons):
        raise InputError(
            "--set backend: tcnn must find a hash grid or a fused perceptron in the field, got "
            "none; use native"
        )
    for grid in grids:
        grid.operation = tcnn.hash_grid
    for perceptron in perceptrons:
        perceptron.operation = tcnn.mlp
