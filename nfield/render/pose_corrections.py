"""Corrections of camera poses: a small turn and shift of each camera, learned with the field."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from nfield.errors import InputError
from nfield.render.cameras import Cameras


class PoseCorrections(nn.Module):
    r"""A rotation and a translation for each camera, none to begin with.

    Formula
        $R' = \exp([\omega]_\times) R$, $o' = o + s\,\tau$ with parameters $\omega, \tau$ of each
        camera. Where they are anchored, what all cameras have in common is taken from them first,
        for the field could follow it and the world would drift: $\omega - \bar\omega$, and
        $\tau - \bar\tau - k (o - \bar o)$ with the $k$ that leaves no scaling,
        $\sum (\tau - \bar\tau)(o - \bar o) / \sum |o - \bar o|^2$.
    Shape
        rotation, translation ``(C, 3)``
    Units
        radians, and `scale` world units
    Source
        Wang et al. 2021, NeRF--, arXiv:2102.07064 (rotation vector and translation of each camera);
        Lin et al. 2021, BARF, arXiv:2104.06405

    Args:
        centers: Given positions of the cameras, ``(C, 3)``.
        scale: World units of a unit of translation.
        anchored: Whether the cameras as a whole stay where they are.
    """

    def __init__(self, centers: Tensor, scale: float, *, anchored: bool = True):
        super().__init__()
        count = len(centers)
        self.scale, self.anchored = scale, anchored
        self.rotation = nn.Parameter(torch.zeros(count, 3))
        self.translation = nn.Parameter(torch.zeros(count, 3))
        self.register_buffer("centers", centers.clone())

    centers: Tensor

    def turns(self) -> Tensor:
        """Rotations ``(C, 3, 3)``, applied to the camera's axes in the world."""
        common = self.rotation.mean(0) if self.anchored else 0.0
        return rotation_matrix(self.rotation - common)

    def shifts(self) -> Tensor:
        """Translations ``(C, 3)`` in world units."""
        if not self.anchored:
            return self.scale * self.translation
        shift = self.translation - self.translation.mean(0)
        arm = self.centers - self.centers.mean(0)
        scaling = (shift * arm).sum() / arm.square().sum().clamp(min=1e-12)
        return self.scale * (shift - scaling * arm)

    def forward(self, view: Tensor, origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Rays after the correction of the cameras they come from.

        Shape
            view ``(R,)`` int64, origins, directions ``(R, 3)`` -> the same
        """
        turn = self.turns().flatten(1).index_select(0, view).view(-1, 3, 3)
        shift = self.shifts().index_select(0, view)
        return origins + shift, (turn * directions[:, None, :]).sum(2)

    @torch.no_grad()
    def correct(self, cameras: Cameras) -> Cameras:
        """The cameras in their corrected poses.

        Raises:
            InputError: there are not as many as corrections.
        """
        if len(cameras) != len(self.rotation):
            raise InputError(
                f"data: views must be those that were fitted, {len(self.rotation)} of them, got "
                f"{len(cameras)}; restore the data"
            )
        pose = cameras.camera_to_world
        axes = self.turns().to(pose.device) @ pose[:, :, :3]
        position = pose[:, :, 3] + self.shifts().to(pose.device)
        return replace(cameras, camera_to_world=torch.cat([axes, position[:, :, None]], 2))


def rotation_matrix(vector: Tensor) -> Tensor:
    r"""Rotations of rotation vectors.

    Formula
        $R = \cos\theta\, I + \frac{\sin\theta}{\theta} [\omega]_\times
        + \frac{1 - \cos\theta}{\theta^2} \omega \omega^T$, $\theta = |\omega|$
    Shape
        vector ``(N, 3)`` in radians -> ``(N, 3, 3)``
    Source
        Rodrigues' formula
    """
    # Far below what float32 tells from no rotation, and the root keeps its derivative at 0.
    angle = (vector.square().sum(1) + 1e-16).sqrt()[:, None, None]
    sine = torch.sinc(angle / math.pi)
    half = torch.sinc(angle / (2 * math.pi))
    x, y, z = vector.unbind(1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).view(-1, 3, 3)
    outer = vector[:, :, None] * vector[:, None, :]
    identity = torch.eye(3, dtype=vector.dtype, device=vector.device)
    return angle.cos() * identity + sine * cross + 0.5 * half.square() * outer
