"""FreSh of a run: the preset's own setting, written into the configuration, and shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import nfield
from nfield import frequency
from nfield.config import Config, defaults, override, resolve
from nfield.data.clip import Clip
from nfield.data.load import load, load_configured
from nfield.data.picture import Picture
from nfield.data.raster import Raster
from nfield.errors import InputError
from nfield.fields.build import build
from nfield.fields.presets import PRESETS
from nfield.frequency import SETTINGS, Setting, choose_frequency, setting_of, untrained
from nfield.fresh.choice import Choice
from nfield.fresh.target import image_target
from tests.fresh.images import falling
from tests.targets import needs, write_mesh

SMALL = ("model.width=32", "model.hidden=2", "train.samples=1024")
SIZES = {**dict.fromkeys(("width", "features"), 64), "hidden": 2, "log2_table": 12}
IMAGES = ("siren", "finer", "ffn", "hash-image")
SIDE = 128


def config(name: str, *settings: str) -> Config:
    """The preset with small networks."""
    known = vars(PRESETS[name].settings)
    sizes = {**SIZES, "features": 2} if "levels" in known else SIZES
    small = [f"model.{key}={value}" for key, value in sizes.items() if key in known]
    return override(defaults("x", name), [*small, *settings])


def picture(power: float, side: int = SIDE) -> Picture:
    """Noise whose amplitude falls with the frequency to a power."""
    image = (127.5 * (falling(power, side) + 1)).round().to(torch.uint8)
    return Picture("noise", "noise.png", Raster(image.movedim(0, -1).contiguous()))


def write(path: Path, it: Picture) -> str:
    Image.fromarray(it.pixels.values.numpy()).save(path)
    return str(path)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every setting's candidates three, and no more."""
    for name, setting in SETTINGS.items():
        values = setting.candidates[:: (len(setting.candidates) - 1) // 2][:3]
        monkeypatch.setitem(SETTINGS, name, Setting(values, (values[0], values[-1])))


def test_candidates_rise_within_the_limits() -> None:
    for setting in SETTINGS.values():
        low, high = setting.limits
        candidates = list(setting.candidates)
        assert candidates == sorted(set(candidates))
        assert low <= candidates[0] < candidates[-1] <= high


@pytest.mark.parametrize("name", [name for name in PRESETS if PRESETS[name].kind == "image"])
def test_both_limits_can_be_built(name: str) -> None:
    it = config(name)
    setting = setting_of(it)
    for value in SETTINGS[setting].limits:
        build(frequency.with_frequency(it, setting, value), 3)


@pytest.mark.parametrize("name", IMAGES)
def test_frequencies_rise_with_the_setting(name: str) -> None:
    """Means over seeds of three values far apart, below what the grid of pixels can show."""
    it, data = config(name), picture(1.0)
    setting = setting_of(it)
    values = {"first_bias": (0.0, 1.0, 3.0), "sigma": (1.0, 4.0, 12.0)}.get(setting, (20, 60, 200))
    target = image_target(data.pixels.values.movedim(-1, 0).float(), SIDE // 2)

    def mean_frequency(value: float, seed: int) -> float:
        changed = frequency.with_frequency(it, setting, value)
        spectrum = target.of(untrained(changed, data, seed))
        return float((spectrum * torch.arange(1, len(spectrum) + 1)).sum())

    means = [np.mean([mean_frequency(value, seed) for seed in range(2)]) for value in values]
    assert means == sorted(means)
    assert means[-1] > 1.2 * means[0]


@pytest.mark.parametrize("name", ["siren", "ffn"])
def test_picks_rise_with_the_images_frequencies(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images of amplitude 1 / f^p: the flatter the spectrum, the higher the pick."""
    it = config(name)
    setting = SETTINGS[setting_of(it)]
    coarse = Setting(list(setting.candidates)[::3], setting.limits)
    monkeypatch.setitem(SETTINGS, setting_of(it), coarse)
    monkeypatch.setattr(frequency, "SEEDS", 3)
    picks = [choose_frequency(it, picture(power))[1].pick for power in (2.0, 1.5, 1.0, 0.5, 0.0)]
    assert picks == sorted(picks)
    assert len(set(picks)) >= 4


def test_probes_follow_configuration_and_seed_alone() -> None:
    it, data, x = config("siren"), picture(1.0, 16), torch.rand(50, 2)
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    first, again, other = (untrained(it, data, seed)(x) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_hash_grids_are_probed_with_large_features() -> None:
    it = config("hash-image")
    assert float(build(it, 3).encoding.table.detach().abs().max()) <= 1e-4
    probed = untrained(it, picture(1.0, 16), 0)
    assert 0.9 < float(probed.get_submodule("encoding").table.detach().abs().max()) <= 1.0


def test_the_choice_is_kept_in_the_run(tmp_path: Path) -> None:
    photo = write(tmp_path / "photo.png", picture(1.0, 64))
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


def test_videos_are_chosen_for(few: None) -> None:
    frames = torch.stack([picture(1.0, 64).pixels.values.roll(3 * i, 0) for i in range(4)])
    name, choice = choose_frequency(config("cam-video"), Clip("c", "c.mp4", Raster(frames), 25.0))
    assert name == "sigma" and choice.pick in SETTINGS["sigma"].candidates


def test_shapes_are_chosen_for(tmp_path: Path, few: None) -> None:
    needs("open3d", "trimesh")
    mesh = load(str(write_mesh(tmp_path)))
    name, choice = choose_frequency(config("siren-sdf"), mesh)
    # Distances are smooth: of all shapes, a torus has hardly any high frequency.
    assert name == "omega_first" and choice.pick == min(SETTINGS["omega_first"].candidates)


@pytest.mark.parametrize("name", ["ngp", "nerf"])
def test_scenes_are_chosen_for(name: str, few: None) -> None:
    sizes = vars(config(name).model)
    known = [f"model.{k}={v}" for k, v in sizes.items() if k in ("width", "log2_table")]
    it = resolve("builtin:matte", {"field": name, "downscale": 8}, known)
    name, choice = choose_frequency(it, load_configured(it))
    # Pictures of 25 x 25 pixels have twelve frequencies.
    assert choice.pick in SETTINGS[name].candidates


def test_presets_without_a_frequency_are_refused() -> None:
    with pytest.raises(InputError, match="--fresh: field must have one of .*, got 'triplane-sdf'"):
        setting_of(defaults("x", "triplane-sdf"))


def test_images_without_a_spectrum_are_refused() -> None:
    with pytest.raises(InputError, match="--fresh: .* at least 2 m = 16 .*; leave --fresh out"):
        choose_frequency(config("siren"), picture(1.0, 12))
    flat: Tensor = torch.full((64, 64, 3), 7, dtype=torch.uint8)
    with pytest.raises(InputError, match="--fresh: spectrum: values must vary at frequencies"):
        choose_frequency(config("siren"), Picture("flat", "flat.png", Raster(flat)))
