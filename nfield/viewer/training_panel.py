"""The controls and curves of training."""

from __future__ import annotations

import time

from viser import uplot

from nfield.viewer.curve import Curve
from nfield.viewer.server import guarded
from nfield.viewer.training import Training
from nfield.viewer.visitor import Visitor

CURVE_SECONDS = 2.0  # between looks at the curve


class TrainingPanel:
    """Start, pause, resume and save; the PSNR of the batches over the seconds of training.

    Args:
        training: None of a finished run, which has its curve alone.
    """

    def __init__(self, visitor: Visitor, training: Training | None, curve: Curve):
        self._training, self._curve = training, curve
        self._curve_time = 0.0
        gui = visitor.client.gui
        with gui.add_folder("Training"):
            self._state = gui.add_markdown("")
            if training is not None:
                self._toggle = gui.add_button(_verb(training))
                save = gui.add_button("Save")
                self._toggle.on_click(guarded(lambda _: self._switch(training)))
                save.on_click(guarded(lambda _: training.save.set()))
            seconds, psnr = curve.shown()
            self._chart = gui.add_uplot(
                (seconds, psnr),
                (uplot.Series(label="s"), uplot.Series(label="PSNR", stroke="#2a5bd7", width=2)),
                title="PSNR of the batches (dB) over seconds",
                scales={"x": uplot.Scale(time=False)},
                aspect=2.0,
            )
        self.tick()

    def tick(self) -> None:
        """Show how far training has come."""
        training = self._training
        if training is None:
            return
        text = _state(training)
        if self._state.content != text:
            self._state.content = text
        if self._toggle.label != _verb(training):
            self._toggle.label = _verb(training)
        self._toggle.disabled = training.over
        if time.monotonic() - self._curve_time > CURVE_SECONDS:
            self._curve_time = time.monotonic()
            self._chart.data = self._curve.shown()

    def close(self) -> None:
        """Nothing is left behind."""

    def _switch(self, training: Training) -> None:
        if training.running.is_set():
            training.running.clear()
        else:
            training.running.set()


def _verb(training: Training) -> str:
    if training.running.is_set():
        return "Pause"
    return "Resume" if training.record["step"] else "Start"


def _state(training: Training) -> str:
    record = training.record
    how = "finished" if training.over else "running" if training.running.is_set() else "paused"
    text = f"Step {record['step']}, {record['seconds']:.0f} s of training, {how}"
    if record.get("psnr") is not None:
        text += f", {record['psnr']:.1f} dB"
    return text + (", saving" if training.save.is_set() else "")
