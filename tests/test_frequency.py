"""FreSh of a run: the preset's own setting, written into the configuration, and shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import nfield
from nfield.config import resolve
from nfield.data.load import load_configured
from nfield.errors import InputError
from nfield.frequency import choose_frequency
from nfield.fresh.choice import Choice

SMALL = ["model.width=32", "model.hidden=2", "train.samples=1024"]


def write_noise(path: Path, power: float, side: int = 64) -> str:
    """An image whose amplitudes fall with the frequency to a power."""
    rng = np.random.default_rng(0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    frequency[0, 0] = 1
    noise = np.fft.fft2(rng.standard_normal((side, side))) / frequency**power
    noise[0, 0] = 0
    image = np.fft.ifft2(noise).real
    image = (image - image.min()) / (image.max() - image.min())
    Image.fromarray((255 * image).astype(np.uint8)).save(path)
    return str(path)


def test_the_choice_is_kept_in_the_run(tmp_path: Path) -> None:
    photo = write_noise(tmp_path / "photo.png", 1.0)
    told: list[tuple[str, Choice]] = []
    run = nfield.fit(
        photo,
        field="siren",
        out=tmp_path / "run",
        max_steps=2,
        set=SMALL,
        fresh=lambda name, choice: told.append((name, choice)),
    )
    ((name, choice),) = told
    assert name == "omega_first" and len(choice.candidates) >= 20
    assert run.config.model.omega_first == choice.pick
    assert nfield.open_run(tmp_path / "run").config.model.omega_first == choice.pick
    assert "omega_first" in (tmp_path / "run" / "fresh.svg").read_text()


def test_finer_images_get_higher_frequencies(tmp_path: Path) -> None:
    picks = []
    for power in (2.0, 0.0):
        photo = write_noise(tmp_path / f"{power}.png", power)
        config = resolve(photo, {"field": "ffn"}, [*SMALL, "model.features=64"])
        before = torch.random.get_rng_state()
        picks.append(choose_frequency(config, load_configured(config))[1].pick)
        # The run's own random numbers are untouched.
        assert torch.equal(before, torch.random.get_rng_state())
    assert picks[0] < picks[1]


def test_refusals(tmp_path: Path) -> None:
    photo = write_noise(tmp_path / "tiny.png", 1.0, side=12)
    config = resolve(photo, {"field": "siren"}, SMALL)
    with pytest.raises(InputError, match="--fresh: .*; leave --fresh out"):
        choose_frequency(config, load_configured(config))
