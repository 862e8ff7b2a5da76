"""Coordinate-aware modulation beside the network without it: `python -m benchmarks.cam`.

Images are fitted with the published setting by default (arXiv:2311.14993), all pixels at once:
random Fourier features, layer norm, a grid of scales and shifts for every hidden layer. The
networks without grids are widened until they have as many parameters.
"""

from __future__ import annotations

import statistics
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import tyro
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from benchmarks.timing import judge, markdown, print_bars, write_result
from nfield.data.raster import centers
from nfield.encodings.fourier import Fourier
from nfield.networks.cam import CAM
from nfield.networks.modulation import ModulationGrid

SIGMA = 10.0
TEXT, LEAST_ON_TEXT, LEAST_ON_PHOTOS = "text", 4.0, 0.7  # dB over the network without grids
Kind = Literal["plain", "norm", "CAM"]  # FFN, with layer norm, with norm and grids
WORDS = "neural fields map coordinates to colours densities and distances "


@dataclass(frozen=True)
class Settings:
    """Fit images with and without coordinate-aware modulation.

    Args:
        images: paths, fitted after two photographs of scikit-image and a rendered text.
        size: side of the squares the images are resized to.
        batch: random pixels of a step; all of them unless given.
        frequencies: of the random Fourier features.
        grid: vertices of the grids along each side.
        only: the images whose name contains this.
        kinds: the networks to fit.
    """

    images: tuple[Path, ...] = field(default=())
    size: int = 256
    steps: int = 2000
    batch: int | None = None
    frequencies: int = 256
    width: int = 256
    layers: int = 3
    grid: int = 32
    seeds: int = 3
    rate: float = 1e-3
    grid_rate: float = 1e-2
    only: str = ""
    kinds: tuple[Kind, ...] = typing.get_args(Kind)


def pictures(settings: Settings) -> Iterator[tuple[str, Tensor]]:
    """Name and colours (size^2, 3) of every image."""
    from skimage import data

    side = (settings.size, settings.size)
    yield TEXT, colors(text(settings.size), side)
    yield "astronaut", colors(Image.fromarray(data.astronaut()), side)
    yield "camera", colors(Image.fromarray(data.camera()), side)
    for path in settings.images:
        yield path.stem, colors(Image.open(path), side)


def colors(image: Image.Image, side: tuple[int, int]) -> Tensor:
    pixels = np.asarray(image.convert("RGB").resize(side, Image.Resampling.BOX), dtype=np.float32)
    return torch.from_numpy(pixels / 255).reshape(-1, 3)


def text(size: int) -> Image.Image:
    """Lines of words, each in a colour of its own."""
    image = Image.new("RGB", (size, size), "white")
    draw, generator = ImageDraw.Draw(image), np.random.default_rng(0)
    height = 13
    for line in range(0, size, height):
        start = (line // height * 17) % len(WORDS)
        color = tuple(int(value) for value in generator.integers(0, 160, 3))
        row = (WORDS[start:] + WORDS * (size // 64 + 1))[: size // 4]
        draw.text((2, line), row, fill=color, font=ImageFont.load_default())
    return image


def parameters(network: CAM) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def build(kind: Kind, settings: Settings) -> CAM:
    """The network with grids, or one without that has at least as many parameters."""
    inputs, layers = 2 * settings.frequencies, settings.layers
    grid = ModulationGrid("image", (settings.grid, settings.grid))
    network = CAM(inputs, 3, width=settings.width, hidden=layers, grid=grid)
    if kind == "CAM":
        return network
    norm = "layer" if kind == "norm" else "none"
    wanted, width = parameters(network), settings.width
    while parameters(network := CAM(inputs, 3, width=width, hidden=layers, norm=norm)) < wanted:
        width += 1
    return network


def fit(kind: Kind, target: Tensor, seed: int, settings: Settings) -> float:
    """PSNR after all steps."""
    torch.manual_seed(seed)
    p = centers(torch.arange(len(target)), (settings.size, settings.size))
    features = Fourier(2, settings.frequencies, SIGMA)(p)
    network = build(kind, settings)
    groups = [{"params": network.network_parameters(), "lr": settings.rate}]
    if kind == "CAM":
        groups.append({"params": network.grid_parameters(), "lr": settings.grid_rate})
    optimizer = torch.optim.Adam(groups, fused=True)
    falls = [settings.steps // 2, settings.steps * 3 // 4]
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, falls, gamma=0.1)
    batch = settings.batch or len(p)
    for _ in range(settings.steps):
        rows = torch.randperm(len(p))[:batch] if batch < len(p) else slice(None)
        error = torch.sigmoid(network(features[rows], p[rows])) - target[rows]
        loss = 0.5 * error.square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        mse = (torch.sigmoid(network(features, p)) - target).square().mean()
    return -10 * float(mse.log10())


def compare(image: str, target: Tensor, settings: Settings) -> dict[str, Any]:
    """PSNR of every network, each a mean over seeds, and what the grids gain."""
    record: dict[str, Any] = {"image": image}
    for kind in settings.kinds:
        values = [fit(kind, target, seed, settings) for seed in range(settings.seeds)]
        record[kind] = statistics.mean(values)
        listed = ", ".join(f"{value:.2f}" for value in values)
        print(f"{image}, {kind}: {record[kind]:.2f} dB ({listed})", flush=True)
    for without in ("plain", "norm"):
        if without in record and "CAM" in record:
            record[f"gain over {without}"] = record["CAM"] - record[without]
    return record


def least_gain(record: dict[str, Any]) -> float:
    return LEAST_ON_TEXT if record["image"] == TEXT else LEAST_ON_PHOTOS


def main(settings: Settings) -> None:
    """Print and write the table and the bars; asserts nothing."""
    wanted = [pair for pair in pictures(settings) if settings.only in pair[0]]
    if not wanted:
        raise SystemExit(f"--only must be in an image's name, got {settings.only!r}")
    for kind in settings.kinds:
        network = build(kind, settings)
        print(f"{kind}: width {network.shapes[0].out_dim}, {parameters(network)} parameters")
    records = [compare(image, target, settings) for image, target in wanted]
    rows = [[f"{v:.2f}" if isinstance(v, float) else v for v in r.values()] for r in records]
    print("\n" + markdown(list(records[0]), rows))
    bars = [
        judge(f"dB that CAM gains on {r['image']}", r["gain over plain"], least=least_gain(r))
        for r in records
        if "gain over plain" in r
    ]
    print_bars(bars)
    result = {"settings": str(settings), "records": records, "bars": bars}
    name = "-".join(["cam", str(settings.size), *settings.kinds, *filter(None, [settings.only])])
    print(f"\nwritten to {write_result(name, result)}")


if __name__ == "__main__":
    main(tyro.cli(Settings))
