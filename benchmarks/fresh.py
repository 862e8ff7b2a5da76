"""FreSh beside a sweep and the default: `python -m benchmarks.fresh`.

For each image and family of networks: the PSNR of held-out pixels after equal training with the
value that FreSh picks, with the default, and with each value of a sweep; and what choosing costs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from PIL import Image
from rich.console import Console
from torch import Tensor, nn

from benchmarks.timing import judge, markdown, print_bars, write_result
from nfield.fields.contract import ParameterGroup
from nfield.fresh import family as families
from nfield.fresh.choice import choose
from nfield.fresh.family import Family
from nfield.fresh.report import table
from nfield.fresh.target import image_target
from nfield.train.optimizer import Adam

POWERS = (2.0, 1.5, 1.0, 0.5, 0.0)
PHOTOS = ("astronaut", "camera", "chelsea", "coffee", "rocket", "brick", "grass", "moon")
HELD_OUT = 0.1
MOST_LOSS = 1.0  # dB below the best of the sweep
MOST_SHARE = 0.1  # of the sweep's time
LEARNING_RATES = {
    "siren": 1e-3,
    "finer": 1e-3,
    "finer_bias": 1e-3,
    "fourier": 3e-3,
    "positional": 3e-3,
    "hash_grid": 1e-2,
}


@dataclass(frozen=True)
class Options:
    """What is trained, and for how long.

    Args:
        families: Functions of `nfield.fresh.family`.
        images: Folder of further images.
        side: Of the square that images are shrunk to, pixels.
        steps: Of full-batch Adam.
        sweep: Every so many candidates are trained.
        width: Of hidden layers.
    """

    families: tuple[str, ...] = ("fourier", "siren")
    images: Path | None = None
    side: int = 256
    steps: int = 500
    sweep: int = 2
    width: int = 64


def falling(power: float, side: int) -> Tensor:
    """Noise ``(3, side, side)`` whose amplitude falls as 1 / f^power, in [-1, 1]."""
    waves = torch.fft.rfft2(torch.randn(3, side, side, generator=torch.Generator().manual_seed(0)))
    f = torch.hypot(torch.fft.fftfreq(side, 1 / side)[:, None], torch.fft.rfftfreq(side, 1 / side))
    f[0, 0] = 1.0
    waves = waves * f**-power
    waves[:, 0, 0] = 0.0
    image = torch.fft.irfft2(waves, (side, side))
    return image / image.abs().max()


def photo(picture: Image.Image, side: int) -> Tensor:
    """``(3, side, side)`` in [-1, 1]."""
    small = picture.convert("RGB").resize((side, side), Image.Resampling.BOX)
    return torch.from_numpy(np.asarray(small, np.float32)).movedim(-1, 0) / 127.5 - 1.0


def subjects(options: Options) -> Iterator[tuple[str, Tensor]]:
    """Images by name."""
    from skimage import data

    for power in POWERS:
        yield f"1/f^{power:g}", falling(power, options.side)
    for name in PHOTOS:
        yield name, photo(Image.fromarray(getattr(data, name)()), options.side)
    for path in sorted(options.images.iterdir()) if options.images else ():
        if path.suffix.lower() in {".png", ".jpg", ".jpeg", ".tif", ".tiff"}:
            yield path.stem, photo(Image.open(path), options.side)


class Fit:
    """One image, nine tenths of whose pixels are learned."""

    def __init__(self, image: Tensor, family: Family, rate: float, steps: int):
        self.family, self.rate, self.steps = family, rate, steps
        side = image.shape[-1]
        low, high = family.domain
        centers = low + (high - low) * (torch.arange(side) + 0.5) / side
        y, x = torch.meshgrid(centers, centers, indexing="ij")
        order = torch.randperm(side * side, generator=torch.Generator().manual_seed(0))
        held = int(HELD_OUT * len(order))
        self._x = torch.stack([x, y], -1).view(-1, 2)[order]
        self._y = image.flatten(1).T[order].contiguous()
        self._test, self._train = slice(0, held), slice(held, None)
        self._known: dict[float, tuple[float, float]] = {}

    def __call__(self, value: float) -> tuple[float, float]:
        """PSNR of the held-out pixels and seconds of training with a value."""
        if value not in self._known:
            self._known[value] = self._run(self.family.build(value, 0))
        return self._known[value]

    def _run(self, network: nn.Module) -> tuple[float, float]:
        optimizer = Adam(network, [ParameterGroup(list(network.parameters()))])
        x, y = self._x[self._train], self._y[self._train]
        start = time.perf_counter()
        for _ in range(self.steps):
            (network(x) - y).square().mean().backward()
            optimizer.step(self.rate)
        seconds = time.perf_counter() - start
        with torch.no_grad():
            error = (network(self._x[self._test]) - self._y[self._test]).square().mean()
        return -10.0 * math.log10(float(error) / 4.0), seconds


def measure(name: str, image: Tensor, family: Family, fit: Fit, every: int) -> dict[str, Any]:
    """FreSh, the default and the sweep on one image."""
    bins = min(family.bins, image.shape[-1] // 2)
    choice = choose(
        image_target(image, bins, family.domain),
        family.candidates,
        family.probe,
        limits=family.limits,
    )
    Console().print(table(choice, f"{name}: {family.setting}"))
    swept = {value: fit(value) for value in family.candidates[::every]}
    best = max(swept, key=lambda value: swept[value][0])
    pick, default = fit(choice.pick), fit(family.default)
    return {
        "image": name,
        "pick": choice.pick,
        "best_of_sweep": best,
        "psnr_pick": pick[0],
        "psnr_best": swept[best][0],
        "psnr_default": default[0],
        "fresh_seconds": choice.seconds,
        "training_seconds": pick[1],
        "sweep_seconds": sum(seconds for _, seconds in swept.values()),
    }


def bars(family: str, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The worst case of each measure beside what is asked of it."""

    def worst(of: Callable[[dict[str, Any]], float]) -> float:
        return max(of(record) for record in records)

    return [
        judge(
            f"{family}: dB below the best of the sweep",
            worst(lambda r: r["psnr_best"] - r["psnr_pick"]),
            most=MOST_LOSS,
        ),
        judge(
            f"{family}: dB below the default",
            worst(lambda r: r["psnr_default"] - r["psnr_pick"]),
            most=0.0,
        ),
        judge(
            f"{family}: share of the sweep's time",
            worst(lambda r: r["fresh_seconds"] / r["sweep_seconds"]),
            most=MOST_SHARE,
        ),
    ]


def main(options: Options) -> None:
    """Print and write the table and the bars; asserts nothing."""
    results, judged = {}, []
    for name in options.families:
        family = getattr(families, name)(2, 3, width=options.width)
        records = []
        for subject, image in subjects(options):
            fit = Fit(image, family, LEARNING_RATES[name], options.steps)
            records.append(measure(subject, image, family, fit, options.sweep))
        print(f"\n## {name}\n\n" + markdown(list(records[0]), [list(r.values()) for r in records]))
        results[name] = records
        judged += bars(name, records)
    print_bars(judged)
    print(f"\nwritten to {write_result('fresh', {'records': results, 'bars': judged})}")


if __name__ == "__main__":
    main(tyro.cli(Options))
