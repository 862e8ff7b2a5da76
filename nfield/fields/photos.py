"""What is learned of the training photos beside the field: their poses and their appearance."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from nfield.config import Photos
from nfield.fields.contract import ParameterGroup
from nfield.render.appearance import Appearance
from nfield.render.pose_corrections import PoseCorrections

WARMUP = 0.2  # share of the budget in which a rate rises: a fog says nothing of poses
END = 0.01  # of a learning rate, when the budget is spent


class PhotoParameters(nn.Module):
    """Corrections of the poses, and maps of the colours, of a scene's training photos.

    Args:
        settings: Which of them there are.
        centers: Given positions of the cameras, ``(C, 3)``, one for each photo.
        scale: Half size of the scene's inner cube, in world units.
    """

    def __init__(self, settings: Photos, centers: Tensor, scale: float):
        super().__init__()
        self.settings = settings
        self.count = len(centers)
        self.poses = PoseCorrections(centers, scale) if settings.refine_poses else None
        self.appearance = Appearance(self.count) if settings.appearance else None

    def parameter_groups(self) -> list[ParameterGroup]:
        """Poses, then appearance; see `schedule`."""
        groups = []
        for module, rate in (
            (self.poses, self.settings.pose_rate),
            (self.appearance, self.settings.appearance_rate),
        ):
            if module is not None:
                groups.append(ParameterGroup(list(module.parameters()), schedule=schedule(rate)))
        return groups


def schedule(rate: float) -> Callable[[float], float]:
    """Learning rate by the share p of the budget that is spent: r min(p / 0.2, 1) 0.01^p."""
    return lambda progress: rate * min(progress / WARMUP, 1.0) * END**progress
