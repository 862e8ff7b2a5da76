"""Canvases and the painter's turns."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from nfield.evaluate.protocol import to_uint8
from nfield.run import Run
from nfield.viewer.canvas import Canvas, Shown
from nfield.viewer.look import Look
from nfield.viewer.painter import Painter
from nfield.viewer.photos import Photos
from nfield.viewer.view import View

LOOK = Look(side=96, rate=30.0)


class Page:
    """A canvas and the pictures that came of it."""

    def __init__(self, run: Run):
        self.shown: list[Shown] = []
        photos = Photos(run.scene.splits["train"])
        self.canvas = Canvas([run.model], photos, self.shown.append)


@pytest.fixture
def page(run: Run) -> Page:
    return Page(run)


@pytest.fixture(scope="module")
def views(run: Run) -> list[View]:
    cameras = run.scene.splits["test"].cameras
    return [View.of_camera(cameras, i) for i in range(len(cameras))]


def until_done(canvas: Canvas) -> None:
    while canvas.urgency is not None:
        canvas.advance(0.02)


def test_a_resting_camera_sees_sharper_pictures_up_to_the_engines(
    run: Run, page: Page, views: list[View]
) -> None:
    assert page.canvas.urgency is None
    number = page.canvas.ask(views[0], LOOK)
    until_done(page.canvas)
    sides = [max(shown.pixels.shape) for shown in page.shown]
    assert sides == sorted(set(sides)) and sides[-1] == 96
    assert [shown.final for shown in page.shown] == [False] * (len(sides) - 1) + [True]
    assert {shown.wish for shown in page.shown} == {number}
    truth = to_uint8(run.model.render(views[0].cameras(96, 96), 0).color.numpy())
    # Sums in another order may round to the neighbouring value of 8 bits.
    assert np.abs(page.shown[-1].pixels.astype(int) - truth).max() <= 1


def test_a_camera_that_moves_without_rest_is_shown_first_pictures_only(
    page: Page, views: list[View]
) -> None:
    for _, view in zip(range(80), itertools.cycle(views), strict=False):
        page.canvas.ask(view, LOOK)
        page.canvas.advance(0.002)
    assert len(page.shown) > 3
    moving = [max(shown.pixels.shape) for shown in page.shown]
    assert max(moving) < 96
    wishes = [shown.wish for shown in page.shown]
    assert wishes == sorted(set(wishes))


def test_a_move_drops_the_finer_picture(page: Page, views: list[View]) -> None:
    page.canvas.ask(views[0], LOOK)
    while not page.shown:
        page.canvas.advance(0.001)
    page.canvas.advance(0.001)  # the second picture begins
    second = page.canvas.ask(views[1], LOOK)
    assert page.canvas.urgency == 0
    until_done(page.canvas)
    assert [shown.wish for shown in page.shown[1:]] == [second] * len(page.shown[1:])
    assert page.shown[-1].final


def test_refreshing_renders_the_final_picture_again(page: Page, views: list[View]) -> None:
    page.canvas.refresh()
    assert page.canvas.urgency is None  # nobody has looked yet
    page.canvas.ask(views[0], LOOK)
    until_done(page.canvas)
    count = len(page.shown)
    page.canvas.refresh()
    until_done(page.canvas)
    assert len(page.shown) == count + 1
    assert np.array_equal(page.shown[-1].pixels, page.shown[-2].pixels)


@pytest.mark.parametrize("mode", ["opacity", "depth", "normals", "error"])
def test_modes_are_shown(page: Page, views: list[View], mode: str) -> None:
    page.canvas.ask(views[0], LOOK.changed(mode=mode))
    until_done(page.canvas)
    assert page.shown[-1].final and page.shown[-1].pixels.std() > 0


def test_who_waits_for_a_first_picture_comes_before_sharper_ones(
    run: Run, views: list[View]
) -> None:
    first, second = Page(run), Page(run)
    painter = Painter()
    for page in (first, second):
        painter.add(page.canvas)
    first.canvas.ask(views[0], LOOK)
    while not first.shown:
        painter.work(0.001)
    second.canvas.ask(views[1], LOOK)
    while not second.shown:
        painter.work(0.001)
    assert not first.shown[-1].final
    painter.work(60)
    assert first.shown[-1].final and second.shown[-1].final
    painter.remove(second.canvas)
    second.canvas.ask(views[0], LOOK)
    assert painter.work(1) < 1 and second.shown[-1].wish == 1


def test_a_picture_that_cannot_be_rendered_disturbs_nothing_else(
    run: Run, views: list[View], caplog: pytest.LogCaptureFixture
) -> None:
    page = Page(run)

    def broken(shown: Shown) -> None:
        raise OSError("the visitor has gone")

    bad = Canvas([run.model], None, broken)
    painter = Painter()
    painter.add(bad)
    painter.add(page.canvas)
    bad.ask(views[0], LOOK)
    page.canvas.ask(views[0], LOOK)
    painter.work(60)
    assert page.shown[-1].final
    assert bad.urgency is None
    assert "could not be rendered" in caplog.text
