"""Where a run computes: the CPU, or the GPU that `--device cuda` asks for."""

from __future__ import annotations

import torch

from nfield.errors import InputError
from nfield.ops.native import gpu_obstacle


def obstacle() -> str:
    """What keeps fits from the GPU, as a sentence; empty where nothing does."""
    if torch.version.cuda is None:
        return "this PyTorch is built for the CPU alone: install one built for CUDA"
    if found := gpu_obstacle():
        return found
    if not torch.cuda.is_available():
        return "PyTorch finds no GPU that it supports: see python -m torch.utils.collect_env"
    return ""


def wanted(name: str) -> torch.device:
    """The device of a fit; `auto` is the CPU.

    Raises:
        InputError: cuda, where there is no GPU that can be used.
    """
    if name != "cuda":
        return torch.device("cpu")
    if found := obstacle():
        raise InputError(
            f"--device: cuda must be a GPU that can be used, got none: {found}; use --device cpu"
        )
    return torch.device("cuda", torch.cuda.current_device())


def at_hand(name: str) -> torch.device:
    """The device of a fit if this machine has it, else the CPU: runs open anywhere."""
    return torch.device("cpu") if name != "cuda" or obstacle() else wanted(name)
