"""What a field is to show, and how an untrained network is asked for the same kind of images."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nfield.fields.model import Color, Model
from nfield.fresh.spectrum import amplitudes, normalized, spectrum
from nfield.render.cameras import Cameras


@dataclass(frozen=True)
class Target:
    """A spectrum to be met.

    Args:
        spectrum: ``(m,)`` of what is to be shown.
        images: Of a module, ``(F, C, H, W)`` or ``(C, H, W)`` with sides of at least 2 m.
    """

    spectrum: Tensor
    images: Callable[[nn.Module], Tensor]

    def of(self, module: nn.Module) -> Tensor:
        """The spectrum of what a module shows."""
        with torch.no_grad():
            return spectrum(self.images(module), len(self.spectrum))


def image_target(image: Tensor, m: int) -> Target:
    """An image; a module is asked at the pixel centres of a 2 m x 2 m image.

    Shape
        image ``(C, H, W)`` floating point; the module maps (x, y) ``(N, 2)`` in [0, 1] to
        ``(N, C)``
    Raises
        ValueError: see `nfield.fresh.spectrum.spectrum`.
    """
    return Target(spectrum(image, m), _asker(_square(2 * m)[None]))


def video_target(video: Tensor, m: int, *, frames: int = 10, seed: int = 0) -> Target:
    """Random frames of a video; a module is asked for the same moments.

    Shape
        video ``(T, C, H, W)`` of any dtype; the module maps (x, y, t) ``(N, 3)`` in [0, 1] to
        ``(N, C)``
    Raises
        ValueError: see `nfield.fresh.spectrum.spectrum`.

    Args:
        frames: How many are compared; all when there are fewer.
    """
    which = _some(len(video), frames, seed)
    times = (which + 0.5) / len(video)
    plane = _square(2 * m).expand(len(which), -1, -1, -1)
    moments = times.view(-1, 1, 1, 1).expand(*plane.shape[:3], 1)
    return Target(spectrum(video[which].float(), m), _asker(torch.cat([plane, moments], -1)))


def distance_target(distance: Callable[[Tensor], Tensor], m: int, *, slices: int = 10) -> Target:
    """Slices of a distance field, across its three axes in turn; a module is asked at the same
    points.

    Shape
        distance maps ``(N, 3)`` in [0, 1] to ``(N,)`` or ``(N, 1)``, the module to ``(N, 1)``
    Raises
        ValueError: see `nfield.fresh.spectrum.spectrum`.

    Args:
        slices: At least 1; evenly spaced.
    """
    plane = _square(2 * m)
    points = []
    for i in range(slices):
        depth = torch.full((*plane.shape[:2], 1), (i + 0.5) / slices)
        points.append(torch.cat([plane, depth], -1).roll(i, -1))
    x = torch.stack(points)
    with torch.no_grad():
        values = distance(x.view(-1, 3)).view(*x.shape[:3], 1)
    return Target(spectrum(values.movedim(-1, 1), m), _asker(x))


def view_target(
    image: Callable[[int], Tensor],
    cameras: Cameras,
    m: int = 32,
    *,
    frames: int = 10,
    seed: int = 0,
    background: Color = (1.0, 1.0, 1.0),
) -> Target:
    """Random training views of a scene; a `Model` is rendered small from the same cameras.

    Raises
        ValueError: see `nfield.fresh.spectrum.spectrum`.

    Args:
        image: Of a view's index, ``(C, H, W)`` floating point over the background.
        frames: How many are compared; all when there are fewer.
    """
    which = _some(len(cameras), frames, seed)
    small = _resized(cameras[which], 2 * m)

    def images(model: nn.Module) -> Tensor:
        assert isinstance(model, Model)
        views = [model.render(small, i, background=background).color for i in range(len(small))]
        return torch.stack(views).movedim(-1, 1)

    amplitude = torch.stack([amplitudes(image(int(i)), m) for i in which]).sum(0)
    return Target(normalized(amplitude), images)


def _resized(cameras: Cameras, side: int) -> Cameras:
    """Cameras that see the same in side x side pixels."""
    factor = (side / cameras.size).repeat(1, 2)  # of fx fy cx cy
    size = torch.full_like(cameras.size, side)
    return dataclasses.replace(cameras, intrinsics=cameras.intrinsics * factor, size=size)


def _square(side: int) -> Tensor:
    """Pixel centres ``(side, side, 2)`` as (x, y)."""
    centers = (torch.arange(side) + 0.5) / side
    y, x = torch.meshgrid(centers, centers, indexing="ij")
    return torch.stack([x, y], -1)


def _asker(points: Tensor) -> Callable[[nn.Module], Tensor]:
    """Images ``(F, C, H, W)`` of a module at points ``(F, H, W, D)``."""
    frames, height, width, dims = points.shape
    flat = points.reshape(-1, dims).contiguous()

    def images(module: nn.Module) -> Tensor:
        values: Tensor = module(flat)
        return values.view(frames, height, width, -1).movedim(-1, 1)

    return images


def _some(count: int, most: int, seed: int) -> Tensor:
    """At most so many different indices, in rising order."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(count, generator=generator)[:most].sort().values
