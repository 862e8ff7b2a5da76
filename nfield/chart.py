"""Lines and dots over two axes, as an SVG picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 16, 44
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:currentColor}.grid{stroke:currentColor;opacity:.15}"
)

Point = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """What an axis shows.

    Args:
        label: Quantity and unit.
        span: Values at its two ends.
        ticks: Values that are written beside it, in `span`.
    """

    label: str
    span: tuple[float, float]
    ticks: Sequence[tuple[float, str]]

    def share(self, value: float) -> float:
        """Where a value lies, 0 at one end and 1 at the other."""
        low, high = self.span
        return (value - low) / (high - low)


class Chart:
    """A picture that grows mark by mark; text takes the colour of the page (``currentColor``).

    Args:
        title: What the picture shows, for those who do not see it.
        style: CSS rules of the marks' kinds.
    """

    def __init__(self, title: str, style: str, x: Axis, y: Axis):
        self._title, self._style = title, style
        self._x, self._y = x, y
        self._parts: list[str] = []
        self._rows()
        self._columns()

    def place(self, point: Point) -> Point:
        """Pixels of a point given in the axes' values."""
        x = LEFT + (WIDTH - LEFT - RIGHT) * self._x.share(point[0])
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * self._y.share(point[1])
        return round(x, 1), round(y, 1)

    def shows(self, point: Point) -> bool:
        """Whether a point, given in the axes' values, lies between the ends of both."""
        return 0 <= self._x.share(point[0]) <= 1 and 0 <= self._y.share(point[1]) <= 1

    def line(self, kind: str, points: Sequence[Point]) -> None:
        """Join points, given in the axes' values."""
        self._line(kind, [self.place(point) for point in points])

    def dot(self, kind: str, point: Point, text: str = "") -> None:
        """Mark a point, and write beside it, on the side where there is room."""
        x, y = self.place(point)
        self._dot(kind, (x, y))
        if text:
            anchor, shift = ("end", -8) if x > WIDTH / 2 else ("start", 8)
            self.text((x + shift, y - 8), text, anchor)

    def text(self, place: Point, text: str, anchor: str = "start") -> None:
        """Write at pixels."""
        x, y = place
        self._parts.append(f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>')

    def legend(self, lines: Sequence[tuple[str, str]], dots: Sequence[tuple[str, str]]) -> None:
        """Explain kinds of marks in the lower right corner: (kind, meaning) of lines, then dots."""
        x, y = WIDTH - RIGHT - 150, HEIGHT - BOTTOM - 16 - 18 * (len(lines) + len(dots) - 1)
        for kind, meaning in lines:
            self._line(kind, [(x, y - 4), (x + 18, y - 4)])
            self.text((x + 26, y), meaning)
            y += 18
        for kind, meaning in dots:
            self._dot(kind, (x + 9, y - 4))
            self.text((x + 26, y), meaning)
            y += 18

    def svg(self) -> str:
        """The picture."""
        return _svg(self._title, self._style, "".join(self._parts))

    def _line(self, kind: str, places: Sequence[Point]) -> None:
        path = " ".join(f"{x},{y}" for x, y in places)
        self._parts.append(f'<polyline class="{kind}" points="{path}"/>')

    def _dot(self, kind: str, place: Point) -> None:
        self._parts.append(f'<circle class="{kind}" cx="{place[0]}" cy="{place[1]}" r="4"/>')

    def _rows(self) -> None:
        for value, text in self._y.ticks:
            y = self.place((self._x.span[0], value))[1]
            self._parts.append(
                f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
            )
            self.text((LEFT - 8, y + 4), text, "end")
        middle = (TOP + HEIGHT - BOTTOM) // 2
        self._parts.append(
            f'<text x="14" y="{middle}" text-anchor="middle" '
            f'transform="rotate(-90 14 {middle})">{escape(self._y.label)}</text>'
        )

    def _columns(self) -> None:
        bottom = HEIGHT - BOTTOM
        for value, text in self._x.ticks:
            x = self.place((value, self._y.span[0]))[0]
            self._parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP}" y2="{bottom}"/>')
            self.text((x, bottom + 18), text, "middle")
        self.text(((LEFT + WIDTH - RIGHT) // 2, HEIGHT - 6), self._x.label, "middle")


def empty(title: str, text: str) -> str:
    """A picture that only says something."""
    return _svg(title, "", f'<text x="{LEFT}" y="{HEIGHT // 2}">{escape(text)}</text>')


def stacked(title: str, charts: Sequence[Chart]) -> str:
    """One picture of several, under one another."""
    rows = "".join(
        chart.svg().replace("<svg ", f'<svg y="{i * HEIGHT}" width="{WIDTH}" height="{HEIGHT}" ', 1)
        for i, chart in enumerate(charts)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {len(charts) * HEIGHT}" '
        f'role="img" aria-label="{escape(title)}">{rows}</svg>'
    )


def round_numbers(low: float, high: float) -> list[tuple[float, str]]:
    """Four to nine round numbers a step apart that cover [low, high], and their text."""
    rough = (high - low) / 5.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [(i * step, f"{i * step:g}") for i in range(first, last + 1)]


def _svg(title: str, style: str, content: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}"><style>{_STYLE}{style}</style>{content}</svg>'
    )
