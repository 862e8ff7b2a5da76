"""A module is asked where its target was taken, so one that shows the target has its spectrum."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from nfield.config import resolve
from nfield.fields.model import Model
from nfield.fresh.target import (
    Target,
    distance_target,
    image_target,
    video_target,
    view_target,
)
from nfield.fresh.wasserstein import wasserstein
from nfield.render.bounds import Bounds
from nfield.render.cameras import Cameras
from tests.fresh.images import wave

M = 16
FLOAT32 = {"atol": 1e-5, "rtol": 0.0}  # coordinates are float32, spectra shares of 1


class Function(nn.Module):
    """A module that is a function, and notes where it is asked."""

    def __init__(self, function: Callable[[Tensor], Tensor]):
        super().__init__()
        self.function = function
        self.asked = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        self.asked = x
        return self.function(x.double())


@pytest.mark.parametrize("size", [(32, 32), (75, 48)])
def test_images(size: tuple[int, int]) -> None:
    """The first coordinate runs to the right, the second down."""
    image = torch.cat([wave(3, 0, *size), 0.5 * wave(0, 7, *size), 2 * wave(2, 3, *size)])
    target = image_target(image, M)

    def show(x: Tensor) -> Tensor:
        right, down = (2 * math.pi * x).unbind(1)
        waves = [
            torch.sin(3 * right),
            0.5 * torch.sin(7 * down),
            2 * torch.sin(2 * right + 3 * down),
        ]
        return torch.stack(waves, 1)

    module = Function(show)
    assert_close(target.of(module), target.spectrum, **FLOAT32)
    assert module.asked.shape == ((2 * M) ** 2, 2)
    assert 0 < float(module.asked.min()) < float(module.asked.max()) < 1
    assert float(module.asked.mean()) == pytest.approx(0.5, abs=1e-5)
    assert module.asked[1, 0] > module.asked[0, 0]


def moving(frames: int) -> Tensor:
    """Frame i is a wave of frequency 1 + i, so a frame's number is in its spectrum."""
    return torch.stack([wave(1 + i, 0, 2 * M, 2 * M) for i in range(frames)])


@pytest.mark.parametrize(("count", "compared"), [(12, 10), (4, 4)])
def test_videos_are_compared_at_the_same_moments(count: int, compared: int) -> None:
    target = video_target(moving(count), M)

    def show(x: Tensor) -> Tensor:
        frame = x[:, 2] * count - 0.5
        assert_close(frame, frame.round(), atol=1e-5, rtol=0.0)
        return torch.sin((1 + frame.round()) * 2 * math.pi * x[:, 0])[:, None]

    module = Function(show)
    assert_close(target.of(module), target.spectrum, **FLOAT32)
    assert int((target.spectrum > 0.5 / compared).sum()) == compared
    assert len(module.asked) == compared * (2 * M) ** 2


def test_frames_follow_the_seed() -> None:
    first, again, other = (video_target(moving(14), M, frames=5, seed=s) for s in (0, 0, 1))
    assert_close(first.spectrum, again.spectrum, atol=0.0, rtol=0.0)
    assert wasserstein(first.spectrum, other.spectrum) > 0.1


def test_distance_fields_are_cut_across_all_axes() -> None:
    """Waves along each axis: a slice shows those of the two axes that it lies along."""
    frequencies = torch.tensor([3.0, 5.0, 11.0], dtype=torch.float64)
    field = Function(lambda x: torch.sin(2 * math.pi * x * frequencies).sum(1, keepdim=True))
    target = distance_target(field, M, slices=3)
    assert_close(target.of(field), target.spectrum, **FLOAT32)
    for n in (3, 5, 11):  # each axis lies in two of three slices
        assert float(target.spectrum[n - 1]) == pytest.approx(1 / 3, abs=1e-5)


def around(count: int, width: int, height: int) -> Cameras:
    """Cameras in a row that look along +z; all sizes see the same."""
    poses = torch.eye(4)[:3].repeat(count, 1, 1)
    poses[:, 2, 3] = -4.0
    poses[:, 0, 3] = torch.linspace(-0.5, 0.5, count)
    lens = torch.tensor([[2.0 * width, 2.0 * height, width / 2, height / 2]])
    return Cameras(
        poses,
        lens.repeat(count, 1),
        torch.zeros(count, 6),
        torch.zeros(count, dtype=torch.int32),
        torch.tensor([[width, height]], dtype=torch.int32).repeat(count, 1),
    )


def test_fields_are_rendered_from_the_views_cameras() -> None:
    """A field's own small renders are the views, whatever the size that the cameras have."""
    model = Model(
        resolve(
            "builtin:matte", {}, ["model.log2_table=8", "model.levels=2", "occupancy.steps=64"]
        ),
        Bounds((0.0, 0.0, 0.0), 1.0, False, None),
    )
    torch.nn.init.normal_(model.field.encoding.table, std=3.0)
    small, black = around(5, 2 * M, 2 * M), (0.0, 0.0, 0.0)

    def image(i: int) -> Tensor:
        return model.render(small, i, background=black).color.movedim(-1, 0)

    target = view_target(image, around(5, 96, 40), M, frames=3, background=black)
    # Rays through other intrinsics differ by rounding: some samples fall into other cells.
    assert_close(target.of(model), target.spectrum, atol=1e-3, rtol=0.0)
    other = view_target(image, around(5, 96, 40), M, frames=3, seed=1, background=black)
    assert wasserstein(target.spectrum, other.spectrum) > 1e-3


@pytest.mark.parametrize(
    "make",
    [
        lambda: image_target(torch.rand(3, 40, 31), M),
        lambda: video_target(torch.rand(9, 3, 31, 40), M),
        lambda: image_target(torch.full((3, 40, 40), torch.nan), M),
        lambda: distance_target(lambda x: x[:, 0] / 0.0, M),
    ],
)
def test_refusals(make: Callable[[], Target]) -> None:
    with pytest.raises(ValueError, match="at least 2 m = 32|must be finite"):
        make()
