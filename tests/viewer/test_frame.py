"""Frames: in whatever pieces they are rendered, they are the engine's picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nfield.conversion.edits import Box
from nfield.evaluate.protocol import to_uint8
from nfield.fields.model import Image, Model
from nfield.run import Run
from nfield.viewer.frame import Frame
from nfield.viewer.look import MODES, Look, picture
from nfield.viewer.view import View

ROUNDING = 1e-5  # float32: sums in another order where a kernel's blocks end elsewhere


@pytest.fixture(scope="module")
def view(run: Run) -> View:
    return View.of_camera(run.scene.splits["test"].cameras, 0)


def rendered(models: list[Model], view: View, look: Look, chunk: int, side: int = 40) -> Image:
    frame = Frame(models, view.cameras(side, side), look)
    done = 0
    while not frame.complete:
        done += frame.advance(chunk)
    assert done == frame.rays == side * side
    return frame.image()


@pytest.mark.parametrize("chunk", [97, 1600, 10**6])
def test_pieces_make_the_engines_picture(run: Run, view: View, chunk: int) -> None:
    look = Look(mode="normals", background=(0.2, 0.4, 0.6))
    found = rendered([run.model], view, look, chunk)
    whole = run.model.render(view.cameras(40, 40), 0, background=look.background, normals=True)
    assert whole.normal is not None and found.normal is not None
    assert (found.color - whole.color).abs().max() < ROUNDING
    assert (found.opacity - whole.opacity).abs().max() < ROUNDING
    hit = whole.depth.isfinite()
    assert torch.equal(hit, found.depth.isfinite()) and hit.any()
    assert (found.depth[hit] - whole.depth[hit]).abs().max() < 1e-3
    assert (found.normal - whole.normal).abs().mean() < 1e-3


def test_a_box_around_everything_changes_nothing(run: Run, view: View) -> None:
    everything = Box((-100, -100, -100), (100, 100, 100))
    plain = rendered([run.model], view, Look(), 700)
    boxed = rendered([run.model], view, Look(box=everything), 700)
    assert (plain.color - boxed.color).abs().max() < ROUNDING


def test_only_what_is_in_the_box_is_shown(run: Run, view: View) -> None:
    x, y, z = run.model.bounds.center
    size = run.model.bounds.half_size
    half = Box((x, y - size, z - size), (x + size, y + size, z + size))
    other = Box((x - size, y - size, z - size), (x, y + size, z + size))
    nothing = Box((x + 5 * size,) * 3, (x + 6 * size,) * 3)
    plain, kept, rest, none = (
        rendered([run.model], view, Look(box=box), 700).opacity
        for box in (None, half, other, nothing)
    )
    assert none.max() == 0
    assert 0 < kept.mean() < plain.mean()
    # The transmittances of two halves multiply.
    product = (1 - kept) * (1 - rest)
    # Of opaque rays those samples are dropped before which light is below 1e-4.
    assert (product - (1 - plain)).abs().max() < 1e-3


def test_two_fields_share_the_columns(run: Run, view: View) -> None:
    x = run.model.bounds.center[0]
    size = run.model.bounds.half_size
    plain = rendered([run.model], view, Look(), 333).color
    both = rendered([run.model, run.model], view, Look(split=0.3), 333).color
    assert (plain - both).abs().max() < ROUNDING
    empty = Look(split=0.3, box=Box((x + 5 * size,) * 3, (x + 6 * size,) * 3))
    assert rendered([run.model, run.model], view, empty, 333).opacity.max() == 0
    for split in (0.0, 1.0):
        whole = rendered([run.model, run.model], view, Look(split=split), 10**6).color
        assert (plain - whole).abs().max() < ROUNDING


def test_every_mode_has_a_picture(run: Run, view: View) -> None:
    image = rendered([run.model], view, Look(mode="normals"), 10**6)
    error = np.zeros((40, 40))
    pictures = {mode: picture(image, mode, error) for mode in MODES}
    assert all(p.shape == (40, 40, 3) and p.dtype == np.uint8 for p in pictures.values())
    assert np.array_equal(pictures["rgb"], to_uint8(image.color.numpy()))
    assert len({p.tobytes() for p in pictures.values()}) == len(MODES)
