"""One layer of Gaussians beside perceptrons of 1 to 3 layers, on the same grids:
`python -m benchmarks.decoders`.

Images are fitted by decoders on three dense grids; a shape and a scene by the presets' hash grids,
through the command line, for equal steps.
"""

from __future__ import annotations

import json
import statistics
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from benchmarks.cam import Settings as Pictures
from benchmarks.cam import pictures
from benchmarks.quality import nfield
from benchmarks.timing import CHAIR, judge, print_bars, table, write_result
from nfield.data.raster import centers
from nfield.encodings.hash_grid import HashGrid
from nfield.fields.presets import PRESETS
from nfield.networks.mlp import MLP
from nfield.networks.rbf import RBF

PARTS = ("image", "shape", "scene")
# What the presets call the same decoders: a row's name to the preset and its settings.
SHAPE = {
    "linear": ("hash-sdf", ("model.hidden=0",)),
    "MLP-2": ("hash-sdf", ("model.hidden=1",)),
    "MLP-3": ("hash-sdf", ("model.hidden=2",)),
    "RBF": ("rbf-sdf", ()),
}
SCENE = {
    "linear": ("ngp", ("model.density_hidden=0", "model.color_hidden=0")),
    "MLP-2": ("ngp", ("model.density_hidden=1", "model.color_hidden=1")),
    "MLP-3": ("ngp", ("model.density_hidden=1", "model.color_hidden=2")),
    "RBF": ("rbf", ()),
}


@dataclass(frozen=True)
class Settings:
    """Fit the same targets with each decoder.

    Args:
        part: image, shape or scene.
        data: the mesh or the scene.
        seconds: of the shape's and the scene's fits.
        size: side of the images.
        width: of the perceptrons, and number of Gaussians, for images.
        out: folder of the runs; they must not exist yet.
    """

    part: str = "image"
    data: str = str(CHAIR)
    seconds: float = 30.0
    downscale: int = 4
    every: int = 20
    size: int = 64
    width: int = 32
    steps: int = 400
    seeds: int = 3
    out: Path = Path("runs/decoders")


def decoder(name: str, in_dim: int, width: int) -> nn.Module:
    """A decoder to three colours."""
    if name == "RBF":
        return RBF(in_dim, 3, kernels=width, log_scale=PRESETS["rbf-image"].settings.log_scale)
    hidden = {"linear": 0, "MLP-2": 1, "MLP-3": 2}[name]
    return MLP(in_dim, 3, width=width, hidden=hidden, bias=True)


def fit(name: str, target: Tensor, seed: int, settings: Settings) -> float:
    """PSNR of an image ``(size^2, 3)`` after all steps on its whole."""
    torch.manual_seed(seed)
    p = centers(torch.arange(len(target)), (settings.size, settings.size))
    base, finest = settings.size // 8, settings.size // 2
    grid = HashGrid(
        2, levels=3, features=4, log2_table=19, base_resolution=base, finest_resolution=finest
    )
    network = nn.Sequential(grid, decoder(name, grid.out_dim, settings.width))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2, fused=True)
    for _ in range(settings.steps):
        optimizer.zero_grad()
        nn.functional.l1_loss(network(p), target).backward()
        optimizer.step()
    with torch.no_grad():
        return -10 * float((network(p) - target).square().mean().log10())


def letters(size: int) -> Tensor:
    """Random black letters on white: the image of the decoder's published signature."""
    image = Image.new("RGB", (size, size), "white")
    draw, generator = ImageDraw.Draw(image), np.random.default_rng(0)
    for line in range(0, size, 11):
        drawn = generator.choice(list(string.ascii_letters), size // 5)
        draw.text((0, line), "".join(drawn), fill="black", font=ImageFont.load_default())
    return torch.from_numpy(np.asarray(image, dtype=np.float32) / 255).reshape(-1, 3)


def images(settings: Settings) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Letters, on which the decoder is judged, and coloured text and photographs."""
    subjects = {"letters": letters(settings.size), **dict(pictures(Pictures(size=settings.size)))}
    records = []
    for name, target in subjects.items():
        record: dict[str, Any] = {"image": name}
        for kind in SHAPE:
            runs = [fit(kind, target, seed, settings) for seed in range(settings.seeds)]
            record[kind] = statistics.mean(runs)
        records.append(record)
    psnr = records[0]
    return records, [
        judge("letters: RBF over linear, dB", psnr["RBF"] - psnr["linear"], least=1.5),
        judge("letters: RBF over MLP-2, dB", psnr["RBF"] - psnr["MLP-2"], least=0.0),
        judge("letters: RBF below MLP-3, dB", psnr["MLP-3"] - psnr["RBF"], most=1.2),
    ]


def fits(settings: Settings) -> list[dict[str, Any]]:
    """A shape or a scene with every decoder, for equal seconds."""
    records = []
    is_scene = settings.part == "scene"
    for name, (field, chosen) in (SCENE if is_scene else SHAPE).items():
        run = settings.out / f"{settings.part}-{name}"
        sets = [part for setting in chosen for part in ("--set", setting)]
        scene = ("--downscale", str(settings.downscale)) if is_scene else ()
        nfield(
            *("fit", settings.data, "--field", field, *sets, *scene),
            *("--max-seconds", str(settings.seconds), "--out", str(run)),
        )
        judged = ("--split", "test", "--every", str(settings.every)) if is_scene else ()
        nfield("eval", str(run), *judged, *(("--background", "white") if is_scene else ()))
        result = json.loads((run / "eval" / "metrics.json").read_text())
        records.append(
            {
                "decoder": name,
                "train_seconds": round(result["train_seconds"]),
                "steps": result["step"],
                **result["mean"],
                "parameters": result["parameters"],
            }
        )
    return records


def main(settings: Settings) -> None:
    """Print and write one part's table."""
    records, found = images(settings) if settings.part == "image" else (fits(settings), [])
    print("\n" + table(records))
    if found:
        print_bars(found)
    result = {"records": records, "bars": found}
    print(f"\nwritten to {write_result(f'decoders-{settings.part}', result)}")


if __name__ == "__main__":
    main(tyro.cli(Settings))
