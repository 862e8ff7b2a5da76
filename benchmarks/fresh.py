"""FreSh beside a sweep and the default: `python -m benchmarks.fresh`.

For each image and preset: the PSNR of held-out pixels after equal training with the value that
FreSh picks, with the default, and with each value of a sweep; and what choosing costs.
"""

from __future__ import annotations

import itertools
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
from torch import Tensor

from benchmarks.timing import judge, markdown, print_bars, write_result
from nfield.config import Config, defaults, override
from nfield.data.picture import Picture
from nfield.data.raster import Raster, centers
from nfield.frequency import SETTINGS, choose_frequency, setting_of, with_frequency
from nfield.fresh.report import table
from nfield.train.losses import batch_psnr
from nfield.train.trainer import Trainer

POWERS = (2.0, 1.5, 1.0, 0.5, 0.0)
PHOTOS = ("astronaut", "camera", "chelsea", "coffee", "rocket", "brick", "grass", "moon")
HELD_OUT = 0.1
MOST_LOSS = 1.0  # dB below the best of the sweep
MOST_SHARE = 0.1  # of the sweep's time


@dataclass(frozen=True)
class Options:
    """What is trained, and for how long.

    Args:
        fields: Presets of images.
        images: Folder of further images.
        side: Of the square that images are shrunk to, pixels.
        steps: Of full-batch training.
        sweep: Every so many candidates are trained.
        set: Overrides of every preset's configuration.
    """

    fields: tuple[str, ...] = ("ffn", "siren")
    images: Path | None = None
    side: int = 256
    steps: int = 500
    sweep: int = 2
    set: tuple[str, ...] = ("model.width=64",)


def falling(power: float, side: int) -> Tensor:
    """Noise ``(side, side, 3)`` whose amplitude falls as 1 / f^power, uint8."""
    waves = torch.fft.rfft2(torch.randn(3, side, side, generator=torch.Generator().manual_seed(0)))
    f = torch.hypot(torch.fft.fftfreq(side, 1 / side)[:, None], torch.fft.rfftfreq(side, 1 / side))
    f[0, 0] = 1.0
    waves = waves * f**-power
    waves[:, 0, 0] = 0.0
    image = torch.fft.irfft2(waves, (side, side)).movedim(0, -1)
    return (127.5 * (image / image.abs().max() + 1)).round().to(torch.uint8)


def photo(picture: Image.Image, side: int) -> Tensor:
    """``(side, side, 3)`` uint8."""
    small = picture.convert("RGB").resize((side, side), Image.Resampling.BOX)
    return torch.from_numpy(np.array(small))


def subjects(options: Options) -> Iterator[Picture]:
    """Noise of several spectra, and photographs."""
    from skimage import data

    for power in POWERS:
        yield _picture(f"1/f^{power:g}", falling(power, options.side))
    for name in PHOTOS:
        yield _picture(name, photo(Image.fromarray(getattr(data, name)()), options.side))
    for path in sorted(options.images.iterdir()) if options.images else ():
        if path.suffix.lower() in {".png", ".jpg", ".jpeg", ".tif", ".tiff"}:
            yield _picture(path.stem, photo(Image.open(path), options.side))


def _picture(name: str, pixels: Tensor) -> Picture:
    return Picture(name, name, Raster(pixels.contiguous()))


@dataclass(frozen=True)
class Sample:
    """Some pixels of an image, as a target of a fit: all of them in every step."""

    name: str
    x: Tensor
    values: Tensor
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.x)

    @property
    def out_dim(self) -> int:
        return self.values.shape[1]

    def points(self, seed: int) -> Sample:
        return self

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        return self.x, self.values


class Fit:
    """One image, nine tenths of whose pixels are learned."""

    def __init__(self, picture: Picture, config: Config, steps: int):
        self._config = override(config, [f"train.decay_steps={steps}", f"max_steps={steps}"])
        raster = picture.pixels
        order = torch.randperm(len(raster), generator=torch.Generator().manual_seed(0))
        x, values = centers(order, raster.shape), raster.values.view(-1, 3)[order].float() / 255
        held = int(HELD_OUT * len(order))
        self._learned = Sample(picture.name, x[held:], values[held:])
        self._held = Sample(picture.name, x[:held], values[:held])
        self._known: dict[float, tuple[float, float]] = {}

    def __call__(self, value: float) -> tuple[float, float]:
        """PSNR of the held-out pixels and seconds of training with a value."""
        if value not in self._known:
            self._known[value] = self._run(value)
        return self._known[value]

    def _run(self, value: float) -> tuple[float, float]:
        config = with_frequency(self._config, setting_of(self._config), value)
        trainer = Trainer(self._learned, config)
        start = time.perf_counter()
        for _ in range(config.train.decay_steps):
            trainer.train_step()
        seconds = time.perf_counter() - start
        values: Tensor = trainer.model.field(self._held.x)
        return batch_psnr(values, self._held.values), seconds


def measure(picture: Picture, config: Config, fit: Fit, every: int) -> dict[str, Any]:
    """FreSh, the default and the sweep on one image."""
    name, choice = choose_frequency(config, picture)
    Console().print(table(choice, f"{picture.name}: {name}"))
    swept = {value: fit(value) for value in SETTINGS[name].candidates[::every]}
    best = max(swept, key=lambda value: swept[value][0])
    pick, default = fit(choice.pick), fit(getattr(config.model, name))
    return {
        "image": picture.name,
        "pick": choice.pick,
        "best_of_sweep": best,
        "psnr_pick": pick[0],
        "psnr_best": swept[best][0],
        "psnr_default": default[0],
        "fresh_seconds": choice.seconds,
        "training_seconds": pick[1],
        "sweep_seconds": sum(seconds for _, seconds in swept.values()),
    }


def bars(field: str, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The worst case of each measure beside what is asked of it."""
    picks = [record["pick"] for record in records[: len(POWERS)]]
    falls = sum(after < before for before, after in itertools.pairwise(picks))

    def worst(of: Callable[[dict[str, Any]], float]) -> float:
        return max(of(record) for record in records)

    return [
        judge(f"{field}: falls of the pick as the spectrum of noise flattens", falls, most=0),
        judge(
            f"{field}: dB below the best of the sweep",
            worst(lambda r: r["psnr_best"] - r["psnr_pick"]),
            most=MOST_LOSS,
        ),
        judge(
            f"{field}: dB below the default",
            worst(lambda r: r["psnr_default"] - r["psnr_pick"]),
            most=0.0,
        ),
        judge(
            f"{field}: share of the sweep's time",
            worst(lambda r: r["fresh_seconds"] / r["sweep_seconds"]),
            most=MOST_SHARE,
        ),
    ]


def main(options: Options) -> None:
    """Print and write the table and the bars; asserts nothing."""
    results, judged = {}, []
    for field in options.fields:
        config = override(defaults("x", field), options.set)
        records = []
        for picture in subjects(options):
            fit = Fit(picture, config, options.steps)
            records.append(measure(picture, config, fit, options.sweep))
        print(f"\n## {field}\n\n" + markdown(list(records[0]), [list(r.values()) for r in records]))
        results[field] = records
        judged += bars(field, records)
    print_bars(judged)
    print(f"\nwritten to {write_result('fresh', {'records': results, 'bars': judged})}")


if __name__ == "__main__":
    main(tyro.cli(Options))
