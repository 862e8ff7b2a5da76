"""The solids of the built-in scenes: a matte one, a glossy one, and one of thin parts.

z is up, and everything fits in a sphere of radius 1.25 around the origin.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from nfield.data.patterns import checker, marble, plain, rings, speckle, stripes, wood
from nfield.data.solids import Material, Solid, Vector

_CREAM = (0.80, 0.70, 0.52)
_INK = (0.025, 0.03, 0.05)
_WHITE = (0.85, 0.85, 0.83)
_RED = (0.62, 0.06, 0.04)
_TEAL = (0.03, 0.28, 0.30)
_YELLOW = (0.80, 0.48, 0.05)
_BLUE = (0.05, 0.13, 0.45)
_OAK = (0.55, 0.32, 0.14)
_WALNUT = (0.19, 0.08, 0.03)
_LEAF = (0.07, 0.26, 0.04)
_BRASS = (0.80, 0.55, 0.20)


def matte() -> tuple[Solid, ...]:
    """A wooden toy robot on a round board, painted with fine patterns."""
    oak, walnut = Material(wood(_OAK, _WALNUT, 0.06)), Material(wood(_WALNUT, _INK, 0.05))
    red, white, ink = (Material(plain(color)) for color in (_RED, _WHITE, _INK))
    sleeve = Material(stripes(_TEAL, _CREAM, 0.045))
    parts = [
        _tube((0, 0, -0.93), 0.92, 0.05, Material(checker(_CREAM, _TEAL, 0.115))),
        _tube((0, 0, -0.99), 0.97, 0.03, walnut),
        _box((0, 0, -0.10), (0.36, 0.25, 0.36), oak),
        _box((0, 0, 0.63), (0.30, 0.24, 0.23), Material(marble(_CREAM, _OAK, 0.09))),
        _tube((0, 0, 0.33), 0.11, 0.08, ink),
        _tube((0, -0.25, -0.04), 0.21, 0.02, Material(rings(_YELLOW, _RED, 0.035)), (0, 1, 0)),
        _box((0, -0.25, -0.36), (0.25, 0.015, 0.045), Material(stripes(_INK, _YELLOW, 0.05, 0))),
        _tube((0, 0, 0.98), 0.018, 0.14, ink),
        _ball((0, 0, 1.13), 0.065, red),
        _box((0, -0.245, 0.52), (0.15, 0.01, 0.025), Material(stripes(_INK, _WHITE, 0.03, 0))),
    ]
    for side in (-1.0, 1.0):
        parts += [
            _ball((0.13 * side, -0.22, 0.68), 0.085, white),
            _ball((0.125 * side, -0.285, 0.69), 0.045, ink),
            _tube(
                (0.33 * side, 0, 0.63), 0.09, 0.04, Material(rings(_RED, _WHITE, 0.03)), (1, 0, 0)
            ),
            _tube((0.17 * side, 0, -0.61), 0.085, 0.17, Material(stripes(_BLUE, _CREAM, 0.04))),
            _box((0.18 * side, -0.06, -0.81), (0.13, 0.21, 0.07), walnut),
            _ball((0.40 * side, 0, 0.15), 0.12, Material(speckle(_YELLOW, _RED, 0.05))),
            *_rod((0.42 * side, 0, 0.13), (0.60 * side, -0.16, -0.22), 0.062, sleeve),
            _ball((0.61 * side, -0.17, -0.26), 0.10, Material(checker(_RED, _CREAM, 0.05))),
        ]
    return tuple(parts)


def glossy() -> tuple[Solid, ...]:
    """Polished balls, a mirror and a golden hoop on a lacquered table."""
    gold = Material(plain((0.95, 0.64, 0.22)), 0.92, metal=True)
    chrome = Material(plain((0.93, 0.94, 0.96)), 0.9, metal=True)
    parts = [
        _tube((0, 0, -0.72), 1.0, 0.06, Material(checker((0.10, 0.02, 0.02), _CREAM, 0.2), 0.06)),
        _tube((0, 0, -0.82), 0.9, 0.04, Material(plain(_INK), 0.05)),
        _ball((-0.02, 0.12, -0.10), 0.56, chrome),
        _ball((0.58, -0.34, -0.41), 0.25, Material(plain(_RED), 0.06)),
        _ball((-0.52, -0.48, -0.45), 0.21, Material(marble(_BLUE, _WHITE, 0.14), 0.06)),
        _ball((0.03, -0.68, -0.51), 0.15, Material(plain(_YELLOW), 0.06)),
        _ball((-0.66, 0.42, -0.48), 0.18, gold),
        _ball((0.62, 0.44, -0.46), 0.20, Material(plain((0.02, 0.25, 0.08)), 0.07)),
        _tube((-0.02, 0.12, -0.10), 0.80, 0.045, gold, (0.45, -0.25, 0.86), inner=0.91),
        _tube((-0.02, 0.12, 0.50), 0.16, 0.05, gold),
        _ball((-0.02, 0.12, 0.62), 0.11, Material(plain(_RED), 0.06)),
    ]
    return tuple(parts)


def thin() -> tuple[Solid, ...]:
    """An armillary sphere: rings, rods and needles around a globe, with a twig of leaves."""
    brass, ink = Material(plain(_BRASS)), Material(plain(_INK))
    red = Material(plain(_RED))
    tilt = (math.sin(0.41), 0.0, math.cos(0.41))
    dial = Material(checker(_BRASS, _WALNUT, 0.05))
    parts = [
        _ball((0, 0, 0.15), 0.20, Material(marble(_BLUE, _WHITE, 0.1))),
        _tube((0, 0, 0.15), 0.86, 0.022, brass, (1, 0, 0), inner=0.965),
        _tube((0, 0, 0.15), 0.82, 0.022, brass, (0, 1, 0), inner=0.965),
        _tube((0, 0, 0.15), 0.90, 0.014, dial, (0, 0, 1), inner=0.92),
        _tube((0, 0, 0.15), 0.78, 0.05, Material(checker(_TEAL, _CREAM, 0.06)), tilt, inner=0.97),
        *_rod(_along(tilt, -1.02), _along(tilt, 1.02), 0.012, ink),
        _ball(_along(tilt, 1.02), 0.04, red),
        _ball(_along(tilt, -1.02), 0.04, red),
        _tube((0, 0, -0.98), 0.55, 0.025, Material(wood(_OAK, _WALNUT, 0.05)), inner=0.72),
        _tube((0, 0, -0.80), 0.016, 0.16, ink),
    ]
    for height in (0.42, -0.42):
        radius = math.sqrt(0.80**2 - height**2)
        parts.append(_tube((0, 0, 0.15 + height), radius, 0.012, brass, inner=0.97))
    for k in range(3):
        angle = 2 * math.pi * k / 3 + 0.3
        foot = (0.46 * math.cos(angle), 0.46 * math.sin(angle), -0.96)
        parts += [*_rod(foot, (0, 0, -0.66), 0.016, ink), _ball(foot, 0.035, red)]
    for k in range(12):
        angle = 2 * math.pi * k / 12
        inner = (0.30 * math.cos(angle), 0.30 * math.sin(angle), 0.15)
        outer = (0.84 * math.cos(angle), 0.84 * math.sin(angle), 0.15)
        parts += _rod(inner, outer, 0.006, red if k % 3 == 0 else ink)
    return (*parts, *_twig())


def _twig() -> list[Solid]:
    """A stem that winds around the stand, with flat leaves."""
    stem, leaf = Material(plain(_WALNUT)), Material(stripes(_LEAF, (0.16, 0.42, 0.07), 0.016, 1))
    points = []
    for k in range(9):
        angle, radius = 0.75 * k, 0.44 - 0.045 * k
        points.append((radius * math.cos(angle), radius * math.sin(angle), -0.94 + 0.05 * k))
    parts: list[Solid] = []
    for k, (low, high) in enumerate(pairwise(points)):
        parts += _rod(low, high, 0.011, stem)
        out = 0.75 * k + 0.9
        axis = (math.cos(out) * 0.5, math.sin(out) * 0.5, 0.8)
        x, y, z = high
        center = (x + 0.11 * math.cos(out - 0.4), y + 0.11 * math.sin(out - 0.4), z + 0.03)
        parts.append(Solid("ellipsoid", center, (0.12, 0.05, 0.006), leaf, _frame(axis)))
    return parts


def _ball(center: Vector, radius: float, material: Material) -> Solid:
    return Solid("ellipsoid", center, (radius, radius, radius), material)


def _box(center: Vector, half: Vector, material: Material) -> Solid:
    return Solid("box", center, half, material)


def _tube(
    center: Vector,
    radius: float,
    half: float,
    material: Material,
    axis: Vector = (0, 0, 1),
    inner: float = 0.0,
) -> Solid:
    return Solid("tube", center, (radius, radius, half), material, _frame(axis), inner)


def _rod(start: Vector, end: Vector, radius: float, material: Material) -> list[Solid]:
    """A round rod between two points."""
    axis = (end[0] - start[0], end[1] - start[1], end[2] - start[2])
    center = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, (start[2] + end[2]) / 2)
    return [_tube(center, radius, math.hypot(*axis) / 2, material, axis)]


def _along(axis: Vector, distance: float) -> Vector:
    """A point on the armillary sphere's axis."""
    return (axis[0] * distance, axis[1] * distance, 0.15 + axis[2] * distance)


def _frame(axis: Vector) -> tuple[Vector, Vector, Vector]:
    """Orthonormal rows whose third is along `axis`."""
    length = math.hypot(*axis)
    x, y, z = axis[0] / length, axis[1] / length, axis[2] / length
    # Any direction well away from the axis gives the first row.
    across = (0.0, -z, y) if abs(x) < 0.7 else (z, 0.0, -x)
    scale = 1 / math.hypot(*across)
    a, b, c = (value * scale for value in across)
    return (a, b, c), (y * c - z * b, z * a - x * c, x * b - y * a), (x, y, z)


MODELS: dict[str, Callable[[], tuple[Solid, ...]]] = {
    "matte": matte,
    "glossy": glossy,
    "thin": thin,
}
