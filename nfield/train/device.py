"""Where a run computes: the CPU, or the GPU that `--device cuda` asks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from nfield.config import Config
from nfield.errors import InputError
from nfield.fields.backend import use_tcnn
from nfield.ops.native import gpu_obstacle
from nfield.render.chunks import OUT_OF_MEMORY, first_line

Module = TypeVar("Module", bound=torch.nn.Module)


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


def placed(model: Module, config: Config) -> Module:
    """The model where its configuration has it computed, and by what.

    Raises:
        InputError: a device that is not there or does not hold the model, or settings of GPUs that
            it or each other cannot have.
    """
    device = wanted(config.device)
    if config.train.graphs and (device.type != "cuda" or config.backend != "native"):
        raise InputError(
            "--set train.graphs: launches must be those of nfield's kernels on a GPU, got "
            f"{config.backend} on {device.type}; add --device cuda --set backend=native"
        )
    if config.backend == "tcnn":
        use_tcnn(model, device.type)
    return moved(model, device)


def moved(model: Module, device: torch.device) -> Module:
    """The model on a device. Raises InputError where its memory does not hold it."""
    try:
        return model.to(device)
    except OUT_OF_MEMORY as error:
        raise InputError(
            f"--device: memory of {device} must hold the field, got {first_line(error)}; choose a "
            "smaller field or --device cpu"
        ) from error


def at_hand(name: str) -> torch.device:
    """The device of a fit if this machine has it, else the CPU: runs open anywhere."""
    return torch.device("cpu") if name != "cuda" or obstacle() else wanted(name)


@contextmanager
def deterministic(device: torch.device, wanted: bool) -> Iterator[None]:
    """Have sums on this device come out the same every time, if wanted; the CPU's always do.

    PyTorch warns of its own operations that cannot.
    """
    if device.type == "cpu" or not wanted:
        yield
        return
    before = torch.get_deterministic_debug_mode()
    torch.set_deterministic_debug_mode("warn")
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)
