"""Poses of views that a field was not fitted to, found with the field as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.functional import mse_loss

from nfield.data.scene import Views
from nfield.fields.contract import ParameterGroup
from nfield.fields.model import Model
from nfield.render.cameras import Cameras
from nfield.render.pose_corrections import PoseCorrections
from nfield.train.batch import Batches
from nfield.train.optimizer import Adam
from nfield.train.rays import MAX_RAYS

STEPS = 200
RAYS = 256  # of each view in a step
RATES = 2e-3, 2e-5  # first and last, radians and half sizes a step


def fit_poses(model: Model, views: Views, background: str) -> Cameras:
    """The cameras of views turned and shifted so that the field shows their photos best.

    The field stays as it is; each camera has six numbers, fitted by 200 steps of Adam on the mean
    squared error of random pixels.

    Args:
        background: As of a fit: white, black or random.

    Source:
        Lin et al. 2021, BARF, arXiv:2104.06405 (test-time pose optimisation)
    """
    batches = Batches(views, background, model.device)
    poses = PoseCorrections(
        views.cameras.camera_to_world[:, :, 3], model.bounds.half_size, anchored=False
    ).to(model.device)
    optimizer = Adam(poses, [ParameterGroup(list(poses.parameters()))])
    count = min(RAYS * len(views), MAX_RAYS)
    with _frozen(model):
        for step in range(STEPS):
            generator = torch.Generator().manual_seed(step)
            batch = batches.draw(count, generator).refined(poses)
            jitter = torch.rand(count, generator=generator).to(model.device)
            samples, _ = model.visible(
                model.occupancy.march(batch.origins, batch.directions, jitter)
            )
            h = model.field.features(model.places(samples, batch.origins, batch.directions))
            color = model.composite(samples, batch.directions, h).over(batch.background)
            mse_loss(color, batch.color).backward()
            progress = step / STEPS
            optimizer.step(RATES[0] * (RATES[1] / RATES[0]) ** progress, progress)
    return poses.correct(views.cameras)


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    """No parameter takes part in gradients meanwhile."""
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)
