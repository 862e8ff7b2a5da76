"""What each process of `test_distributed` does: `python -m tests.train.rank FOLDER DATA...`."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from nfield.config import Config, resolve
from nfield.data.load import load_configured
from nfield.errors import InputError
from nfield.train.folder import RunFolder
from nfield.train.loop import train
from nfield.train.ranks import Ranks, joined
from nfield.train.trainer import Trainer

WARM, STEPS = 48, 24  # steps alone, of which the last gradients are compared; steps together
NETWORK = ["model.log2_table=10", "model.levels=4", "model.finest_resolution=32", "model.width=16"]
SCENE = ["train.rays=256", "train.samples=2048", "occupancy.resolution=32", "train.distortion=0.1"]
IMAGE = ["train.samples=1024"]


def config(data: str) -> Config:
    settings = IMAGE if Path(data).suffix else SCENE
    return resolve(data, {"max_steps": 100}, [*NETWORK, *settings])


def steps(data: str, ranks: Ranks, state: Any, count: int) -> tuple[dict[str, Any], list[Any]]:
    """Tensors after some steps, with the gradients of the last, and all records."""
    settings = config(data)
    loaded = load_configured(settings)
    trainer = (
        Trainer(loaded, settings, ranks=ranks)
        if state is None
        else Trainer.resume(loaded, settings, *state, ranks)
    )
    gradients: list[torch.Tensor] = []
    optimizer = trainer._optimizer
    update = optimizer.step

    def step(*arguments: Any) -> None:
        gradients[:] = [gradient.clone() for gradient in optimizer.gradients()]
        update(*arguments)

    optimizer.step = step  # type: ignore[method-assign]
    records = [trainer.train_step() for _ in range(count)]
    tensors = {f"gradient.{i}": gradient for i, gradient in enumerate(gradients)}
    return {**tensors, **{k: v.clone() for k, v in trainer.state()[0].items()}}, records


def warm_folder(folder: Path, data: str) -> RunFolder:
    return RunFolder(folder / f"warm-{Path(data).name}", config(data))


def together(folder: Path, data: str, ranks: Ranks) -> None:
    """One step from the state that a rank alone has left, then many from the first."""
    state = warm_folder(folder, data).require()
    for name, start, count in (("one", state, 1), ("many", None, STEPS)):
        tensors, records = steps(data, ranks, start, count)
        place = folder / f"{name}-{Path(data).name}-{ranks.number}"
        save_file(tensors, f"{place}.safetensors")
        Path(f"{place}.json").write_text(json.dumps(records))


def fit(folder: Path, data: str, ranks: Ranks, on_step: Callable[[Any], None]) -> None:
    settings = config(data)
    trainer = Trainer(load_configured(settings), settings, ranks=ranks)
    run = RunFolder(folder, settings)
    if ranks.is_first:
        run.begin(0)
    train(trainer, run, max_steps=50, max_seconds=None, on_step=on_step)


def interrupted(folder: Path, data: str, ranks: Ranks) -> None:
    """Ctrl-C strikes the second rank, after its seventh step."""

    def strike(record: dict[str, Any]) -> None:
        if record["step"] == 7 and not ranks.is_first:
            signal.raise_signal(signal.SIGINT)

    try:
        fit(folder / "interrupted", data, ranks, strike)
    except KeyboardInterrupt:
        (folder / f"interrupted-{ranks.number}").touch()


def lost(folder: Path, data: str, ranks: Ranks) -> None:
    """The second rank is gone after its third step."""

    def die(record: dict[str, Any]) -> None:
        if record["step"] == 3 and not ranks.is_first:
            os._exit(9)

    try:
        fit(folder / "lost", data, ranks, die)
    except InputError as error:
        (folder / "lost.txt").write_text(str(error))


def main(folder: Path, *data: str) -> None:
    with joined() as ranks:
        for name in data:
            together(folder, name, ranks)
        unlike = ""
        try:
            ranks.require_same("the number", str(ranks.number))
        except InputError as error:
            unlike = str(error)
        (folder / f"unlike-{ranks.number}.txt").write_text(unlike)
        interrupted(folder, data[-1], ranks)
        lost(folder, data[-1], ranks)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
