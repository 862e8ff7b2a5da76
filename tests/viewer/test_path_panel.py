"""The editor of camera paths: what a page may ask for is bounded."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("viser", reason="the extra viewer is not installed")

from nfield.render.path import MAX_FRAMES
from nfield.viewer.keyframes import MOST_KEYS, MOST_STEPS
from nfield.viewer.path_panel import PathPanel
from nfield.viewer.view import View


def panel(keys: int, steps: int, *, closed: bool) -> Any:
    made: Any = PathPanel.__new__(PathPanel)
    view = View.of_quaternion((1, 0, 0, 0), (0, 0, 0), 1.0, 1.0)
    made.keys = [view] * keys
    made._steps, made._closed = SimpleNamespace(value=steps), SimpleNamespace(value=closed)
    made._name, made._state = SimpleNamespace(value="path"), SimpleNamespace(content="")
    return made


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("keys", [0, 1, 2, 5])
def test_frames_are_counted_without_being_made(keys: int, closed: bool) -> None:
    made = panel(keys, 7, closed=closed)
    assert made._frames() == len(made.views())


def test_steps_from_the_page_are_bounded() -> None:
    assert panel(2, 10**9, closed=True)._frames() == 2 * MOST_STEPS
    assert panel(2, -5, closed=True)._frames() == 2


def test_a_path_that_no_render_takes_is_not_written() -> None:
    made = panel(MOST_KEYS, MOST_STEPS, closed=True)
    with pytest.raises(ValueError, match=f"must have at most {MAX_FRAMES} frames"):
        made._file("paths", ".json")
    assert "take fewer frames" in made._state.content
