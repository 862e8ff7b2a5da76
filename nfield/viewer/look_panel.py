"""The controls of how a view is shown."""

from __future__ import annotations

from typing import Any

from nfield.viewer.look import FASTEST, MODES, SLOWEST
from nfield.viewer.server import guarded
from nfield.viewer.visitor import Visitor

NAMES = {
    "rgb": "Colour",
    "opacity": "Opacity",
    "depth": "Depth",
    "normals": "Normals",
    "error": "Error to nearest photo",
}
SIDES = (64, 1280, 32)  # pixels: least, most, step


class LookPanel:
    """Mode, background, resolution, frame rate and split of one visitor's picture."""

    def __init__(self, visitor: Visitor):
        self._visitor = visitor
        gui, look = visitor.client.gui, visitor.look
        modes = [m for m in MODES if m != "error" or visitor.subjects[0].photos is not None]
        with gui.add_folder("View"):
            self._state = gui.add_markdown("")
            mode = gui.add_dropdown("Show", [NAMES[name] for name in modes])
            background = tuple(round(255 * channel) for channel in look.background)
            color = gui.add_rgb("Background", (background[0], background[1], background[2]))
            side = gui.add_slider(
                "Resolution", *SIDES, look.side, hint="Pixels along the longer side, at rest"
            )
            rate = gui.add_slider(
                "Frame rate", SLOWEST, FASTEST, 1.0, look.rate, hint="Pictures a second, moving"
            )
            if len(visitor.subjects) > 1:
                left, right = (subject.name for subject in visitor.subjects)
                split = gui.add_slider("Split", 0.0, 1.0, 0.01, look.split)
                gui.add_markdown(f"Left: {left}, right: {right}")
                split.on_update(guarded(lambda _: visitor.wish(split=split.value)))
        by_name = {NAMES[name]: name for name in modes}
        mode.on_update(guarded(lambda _: visitor.wish(mode=by_name[mode.value])))
        color.on_update(guarded(lambda _: visitor.wish(background=_shares(color.value))))
        side.on_update(guarded(lambda _: visitor.wish(side=int(side.value))))
        rate.on_update(guarded(lambda _: visitor.wish(rate=float(rate.value))))

    def tick(self) -> None:
        """Say how sharp the picture is."""
        shown = self._visitor.last
        if shown is None:
            return
        height, width = shown.pixels.shape[:2]
        state = f"after {self._visitor.seconds:.2f} s" if shown.final else "growing sharper"
        text = f"{width} × {height} pixels, {state}"
        if self._state.content != text:
            self._state.content = text

    def close(self) -> None:
        """Nothing is left behind."""


def _shares(color: Any) -> tuple[float, ...]:
    return tuple(channel / 255 for channel in color)
