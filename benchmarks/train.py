"""Our trainer beside the same algorithm in pure PyTorch: `python -m benchmarks.train`."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
import tyro
from torch import Tensor

from benchmarks.peers.train_torch import TorchTrainer
from benchmarks.timing import CHAIR, judge, print_bars, table, write_result
from nfield.config import Config, resolve
from nfield.data.load import load_scene
from nfield.data.scene import Scene, Views
from nfield.evaluate.protocol import evaluate_views
from nfield.fields.model import Model
from nfield.ops.march import Samples
from nfield.render.cameras import Cameras
from nfield.train.rays import RayTask
from nfield.train.trainer import Trainer

WHITE = (1.0, 1.0, 1.0)
LEAST_RATIO = 4.5  # of samples per second
MOST_SECONDS = 45.0  # for the quality the peer has at the end


class Contender(Protocol):
    """A trainer: `seconds` of training so far, and what it has done in them.

    `candidates` are the samples whose density was asked for in training, `samples` those that went
    through the full pass.
    """

    seconds: float
    candidates: int
    samples: int
    step: int

    def train_step(self) -> None: ...
    def render(self, cameras: Cameras, index: int) -> Tensor: ...


class CountingModel(Model):
    """Counts the samples whose density is asked for, before the hidden ones are dropped."""

    candidates = 0

    def visible(self, samples: Samples) -> tuple[Samples, Tensor]:
        self.candidates += len(samples)
        return super().visible(samples)


class Ours:
    """nfield's trainer as a contender."""

    def __init__(self, scene: Scene, config: Config) -> None:
        torch.manual_seed(config.seed)
        self.model = CountingModel(config, scene.bounds)
        self.trainer = Trainer(scene, config, RayTask(scene, config, self.model))
        self.candidates, self.samples, self.step, self.seconds = 0, 0, 0, 0.0

    def train_step(self) -> None:
        self.model.candidates = 0
        start = time.perf_counter()
        record = self.trainer.train_step()
        self.seconds += time.perf_counter() - start
        self.trainer.seconds = self.seconds  # decides the learning rate
        self.candidates += self.model.candidates
        self.samples += int(record["samples"])
        self.step += 1

    def render(self, cameras: Cameras, index: int) -> Tensor:
        return self.model.render(cameras, index, background=WHITE).color


class Peer:
    """The pure PyTorch trainer as a contender; everything is compiled before its clock starts."""

    def __init__(self, scene: Scene, config: Config) -> None:
        self.trainer = TorchTrainer(scene, config)

    seconds = property(lambda self: self.trainer.seconds)
    candidates = property(lambda self: self.trainer.candidates)
    samples = property(lambda self: self.trainer.samples)
    step = property(lambda self: self.trainer.step)

    def train_step(self) -> None:
        self.trainer.train_step()

    def render(self, cameras: Cameras, index: int) -> Tensor:
        return self.trainer.model.render(cameras, index, WHITE)


def train_until(contender: Contender, seconds: float) -> None:
    while contender.seconds < seconds:
        contender.train_step()


def quality(contender: Contender, views: Views, every: int) -> dict[str, float]:
    """Mean PSNR and SSIM under the protocol."""

    def render(index: int) -> Any:
        return contender.render(views.cameras, index).numpy()

    mean: dict[str, float] = evaluate_views(views, render, background=WHITE, every=every)["mean"]
    return mean


def compete(
    contenders: dict[str, Contender], views: Views, marks: Sequence[float], every: int
) -> list[dict[str, Any]]:
    """Train in turns from mark to mark, and judge at each; judging stops the clock."""
    records = []
    for mark in sorted(marks):
        for name, contender in contenders.items():
            train_until(contender, mark)
            mean = quality(contender, views, every)
            records.append(
                {
                    "who": name,
                    "seconds": contender.seconds,
                    "psnr": mean["psnr"],
                    "ssim": mean["ssim"],
                    "steps_per_second": contender.step / contender.seconds,
                    "candidates_per_second": contender.candidates / contender.seconds,
                    "samples_per_second": contender.samples / contender.seconds,
                }
            )
            last = records[-1]
            print(f"{mark:g} s {name}: {last['psnr']:.2f} dB", flush=True)
    return records


def race(
    scene: Scene, config: Config, budgets: Sequence[float], *, target: float, every: int
) -> tuple[float, list[dict[str, float]]]:
    """The first budget after which a fit made for it alone reaches the target PSNR, or infinity."""
    tried = []
    for budget in sorted(budgets):
        ours = Ours(scene, dataclasses.replace(config, max_seconds=budget))
        train_until(ours, budget)
        psnr = quality(ours, scene.splits["test"], every)["psnr"]
        tried.append({"seconds": budget, "psnr": psnr})
        print(f"a fit of {budget:g} s: {psnr:.2f} dB, target {target:.2f}", flush=True)
        if psnr >= target:
            return budget, tried
    return float("inf"), tried


def main(
    data: str = str(CHAIR),
    downscale: int = 4,
    marks: tuple[float, ...] = (30.0, 60.0, 120.0, 300.0),
    budgets: tuple[float, ...] = (10.0, 15.0, 20.0, 30.0, 45.0),
    every: int = 20,
    set: tuple[str, ...] = (),
) -> None:
    """Train ours and the peer for the same time on the same scene.

    Args:
        data: the scene.
        downscale: of its images.
        marks: seconds of training after which both are judged; the last is the whole budget.
        budgets: seconds of the fits that look for the time ours needs for the peer's last quality.
        every: judge test views 0, EVERY, 2 EVERY, ...
        set: `key=value` overrides of the configuration, for both.
    """
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    config = resolve(data, {"downscale": downscale, "max_seconds": max(marks)}, set)
    scene = load_scene(config.data, downscale=downscale)
    contenders: dict[str, Contender] = {"ours": Ours(scene, config), "torch": Peer(scene, config)}
    records = compete(contenders, scene.splits["test"], marks, every)
    ours, peer = records[-2:]
    ratio = ours["samples_per_second"] / peer["samples_per_second"]
    bars = [judge("samples per second, x torch", ratio, least=LEAST_RATIO)]
    tried: list[dict[str, float]] = []
    if budgets:
        seconds, tried = race(scene, config, budgets, target=peer["psnr"], every=every)
        name = f"seconds to torch's {peer['psnr']:.2f} dB"
        bars.append(judge(name, seconds, most=MOST_SECONDS))
    print("\n" + table(records))
    print_bars(bars)
    name = f"train-{Path(config.data).name}-{downscale}"
    result = {"downscale": downscale, "every": every, "set": set, "records": records}
    print(f"\nwritten to {write_result(name, {**result, 'race': tried, 'bars': bars})}")


if __name__ == "__main__":
    tyro.cli(main)
