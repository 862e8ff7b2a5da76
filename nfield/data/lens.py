"""A lens: from directions to pixels, in float64 as a dataset states it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lens:
    """Intrinsics and distortion of one image.

    Args:
        kind: One of `nfield.render.cameras.LENSES`, where its formula stands.
        intrinsics: fx, fy, cx, cy in pixels; the centre of the first pixel is (0.5, 0.5).
        distortion: k1, k2, k3, k4, p1, p2.
    """

    kind: str
    intrinsics: tuple[float, float, float, float]
    distortion: tuple[float, ...] = (0.0,) * 6

    def resized(self, old: tuple[int, int], new: tuple[int, int]) -> Lens:
        """The lens of the same picture at another size, (width, height) each.

        Formula: fx, cx times new width / old width; fy, cy times new height / old height.
        """
        if old == new:
            return self
        fx, fy, cx, cy = self.intrinsics
        x, y = new[0] / old[0], new[1] / old[1]
        return Lens(self.kind, (fx * x, fy * y, cx * x, cy * y), self.distortion)
