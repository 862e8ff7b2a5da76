"""Videos of depth: limits come from the first frame that shows something."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from nfield.export import sequence
from nfield.export.image import depth_colors
from nfield.fields.model import Image


def frame(depth: torch.Tensor) -> Image:
    return Image(torch.ones(*depth.shape, 3), depth.isfinite().float(), depth, None)


def test_an_empty_first_frame_sets_no_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ramp = torch.linspace(2.0, 6.0, 64).view(8, 8)
    shown = [frame(torch.full((8, 8), torch.inf)), frame(ramp)]
    written: list[np.ndarray] = []
    monkeypatch.setattr(sequence, "write_video", lambda out, frames: written.extend(frames))
    sequence.write_sequence(tmp_path / "a.mp4", 2, lambda i: shown[i], what="depth")
    assert (written[0] == 255).all()
    assert np.array_equal(written[1], depth_colors(ramp.numpy(), np.ones((8, 8), np.float32)))
