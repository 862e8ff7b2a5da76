"""Families of networks with one setting of frequency, as FreSh chooses it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from nfield.config import Config, replace
from nfield.encodings.fourier import Fourier
from nfield.encodings.frequency import Frequency
from nfield.encodings.hash_grid import HashGrid
from nfield.fields.model import Model
from nfield.fresh.choice import Build
from nfield.fresh.target import Domain
from nfield.networks.finer import Finer
from nfield.networks.mlp import MLP
from nfield.networks.siren import Siren
from nfield.render.bounds import Bounds

OMEGAS = tuple(range(10, 201, 10))
RESOLUTIONS = tuple(round(16 * 2 ** (i / 2)) for i in range(1, 14))


@dataclass(frozen=True)
class Family:
    """Networks that differ in one setting.

    Args:
        setting: Its name.
        default: What is taken where nothing is known.
        candidates: What is compared first.
        limits: Least and greatest value that make sense.
        bins: Of the spectra, where the images are large enough.
        domain: Coordinates of the edges of what is shown.
        build: Value and seed to an untrained network.
        probe: The same, as its spectrum is taken.
    """

    setting: str
    default: float
    candidates: Sequence[float]
    limits: tuple[float, float]
    bins: int
    domain: Domain
    build: Build
    probe: Build


def siren(in_dim: int, out_dim: int, *, width: int = 256, hidden: int = 3) -> Family:
    """Sines between layers, by the frequency of the first."""

    def build(omega: float) -> nn.Module:
        return Siren(in_dim, out_dim, width=width, hidden=hidden, omega_first=omega)

    seeded = _seeded(build)
    return Family("omega_first", 30, OMEGAS, (1, 1000), 64, (-1.0, 1.0), seeded, seeded)


def finer(in_dim: int, out_dim: int, *, width: int = 256, hidden: int = 3) -> Family:
    """Sines of variable period, by the frequency of the first layer; its biases start at 0."""

    def build(omega: float) -> nn.Module:
        sizes = {"width": width, "hidden": hidden}
        return Finer(in_dim, out_dim, **sizes, omega_first=omega, first_bias=0.0)

    seeded = _seeded(build)
    return Family("omega_first", 30, OMEGAS, (1, 1000), 128, (-1.0, 1.0), seeded, seeded)


def finer_bias(in_dim: int, out_dim: int, *, width: int = 256, hidden: int = 3) -> Family:
    """Sines of variable period, by the largest starting bias of the first layer."""

    def build(bias: float) -> nn.Module:
        return Finer(in_dim, out_dim, width=width, hidden=hidden, first_bias=bias)

    seeded = _seeded(build)
    biases = [i / 10 for i in range(31)]
    return Family("first_bias", 1.0, biases, (0.0, 30.0), 128, (-1.0, 1.0), seeded, seeded)


def fourier(
    in_dim: int, out_dim: int, *, features: int = 128, width: int = 256, hidden: int = 3
) -> Family:
    """Random Fourier features of standard deviation sigma before a perceptron."""

    def build(sigma: float) -> nn.Module:
        encoding = Fourier(in_dim, features, sigma)
        return _joined(encoding, encoding.out_dim, out_dim, width, hidden)

    seeded = _seeded(build)
    candidates = [float(sigma) for sigma in range(1, 21)]
    return Family("sigma", 1.0, candidates, (0.125, 64.0), 128, (-1.0, 1.0), seeded, seeded)


def positional(in_dim: int, out_dim: int, *, width: int = 256, hidden: int = 3) -> Family:
    """Positional encoding of several bands before a perceptron."""

    def build(bands: float) -> nn.Module:
        encoding = Frequency(in_dim, int(bands))
        return _joined(encoding, encoding.out_dim, out_dim, width, hidden)

    seeded = _seeded(build)
    return Family("bands", 10, range(1, 13), (1, 16), 128, (-1.0, 1.0), seeded, seeded)


def hash_grid(
    in_dim: int, out_dim: int, *, log2_table: int = 15, width: int = 64, hidden: int = 2
) -> Family:
    """Hash grid of sixteen levels up to a finest resolution before a perceptron."""

    def build(finest: float) -> nn.Module:
        encoding = HashGrid(in_dim, log2_table=log2_table, finest_resolution=int(finest))
        return _joined(encoding, encoding.out_dim, out_dim, width, hidden)

    return Family(
        "finest_resolution",
        2048,
        RESOLUTIONS,
        (16, 8192),
        128,
        (0.0, 1.0),
        _seeded(build),
        _seeded(lambda finest: _large(build(finest))),
    )


def radiance(config: Config, bounds: Bounds) -> Family:
    """The preset `ngp` in a scene, by the finest resolution of its hash grid; for `view_target`."""

    def build(finest: float) -> nn.Module:
        return Model(replace(config, {"model.finest_resolution": int(finest)}, "FreSh"), bounds)

    return Family(
        "finest_resolution",
        config.model.finest_resolution,
        RESOLUTIONS,
        (16, 8192),
        32,
        (0.0, 1.0),
        _seeded(build),
        _seeded(lambda finest: _large(build(finest))),
    )


def _large(network: nn.Module) -> nn.Module:
    """Features of hash grids as large as if learned: near 0, their start, they show nothing."""
    for module in network.modules():
        if isinstance(module, HashGrid):
            nn.init.uniform_(module.table, -1.0, 1.0)
    return network


def _joined(encoding: nn.Module, features: int, out_dim: int, width: int, hidden: int) -> nn.Module:
    return nn.Sequential(encoding, MLP(features, out_dim, width=width, hidden=hidden, bias=True))


def _seeded(build: Callable[[float], nn.Module]) -> Build:
    """`build` with its random numbers from a seed, those of the caller left as they are."""

    def seeded(value: float, seed: int) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return build(value)

    return seeded
