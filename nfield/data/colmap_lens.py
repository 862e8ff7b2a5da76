"""COLMAP's camera models as lenses of this engine: exactly, or refused by name.

Source: COLMAP, src/colmap/sensor/models.h: names, numbers and parameters; its pixel centres lie at
+0.5 as here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nfield.data.lens import Lens
from nfield.data.pose import LARGEST
from nfield.errors import InputError

_DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")


@dataclass(frozen=True)
class Model:
    """A camera model.

    Args:
        kind: Of the lens; None where there is none with its formula.
        parameters: Named as those of the lens, with ! before those which it lacks: 0 is exact.
    """

    name: str
    kind: str | None
    parameters: tuple[str, ...]


def _model(name: str, kind: str | None, parameters: str) -> Model:
    return Model(name, kind, tuple(parameters.split()))


# Their position is their number in binary files.
MODELS = (
    _model("SIMPLE_PINHOLE", "opencv", "f cx cy"),
    _model("PINHOLE", "opencv", "fx fy cx cy"),
    _model("SIMPLE_RADIAL", "opencv", "f cx cy k1"),
    _model("RADIAL", "opencv", "f cx cy k1 k2"),
    _model("OPENCV", "opencv", "fx fy cx cy k1 k2 p1 p2"),
    _model("OPENCV_FISHEYE", "fisheye", "fx fy cx cy k1 k2 k3 k4"),
    _model("FULL_OPENCV", "opencv", "fx fy cx cy k1 k2 p1 p2 k3 !k4 !k5 !k6"),
    _model("FOV", None, "fx fy cx cy omega"),
    _model("SIMPLE_RADIAL_FISHEYE", "fisheye", "f cx cy k1"),
    _model("RADIAL_FISHEYE", "fisheye", "f cx cy k1 k2"),
    _model("THIN_PRISM_FISHEYE", "fisheye", "fx fy cx cy k1 k2 !p1 !p2 k3 k4 !sx1 !sy1"),
    _model(
        "RAD_TAN_THIN_PRISM_FISHEYE",
        "fisheye",
        "fx fy cx cy k1 k2 k3 k4 !k4 !k5 !p0 !p1 !s0 !s1 !s2 !s3",
    ),
    _model("SIMPLE_DIVISION", None, "f cx cy k"),
    _model("DIVISION", None, "fx fy cx cy k"),
    _model("SIMPLE_FISHEYE", "fisheye", "f cx cy"),
    _model("FISHEYE", "fisheye", "fx fy cx cy"),
    _model("EUCM", None, "fx fy cx cy alpha beta"),
    _model("EQUIRECTANGULAR", None, "w h"),
)
BY_NAME = {model.name: model for model in MODELS}


def to_lens(where: str, model: Model, values: Sequence[float]) -> Lens:
    """The lens of a camera.

    Args:
        where: File and camera, for what is said.
        values: The model's parameters.

    Raises:
        InputError: the lens has no such formula, or a value cannot be.
    """
    if model.kind is None:
        raise InputError(
            f"{where}: model must be one that this engine can hold exactly, got {model.name}; "
            "undistort the images with COLMAP's image_undistorter"
        )
    named = dict(zip(model.parameters, values, strict=True))
    if not all(abs(value) <= LARGEST for value in values):  # false for NaN too
        raise InputError(f"{where}: parameters must be finite, got others; run COLMAP again")
    for name, value in named.items():
        if name.startswith("!") and value != 0:
            raise InputError(
                f"{where}: {name[1:]} of {model.name} must be 0, got {value:g}; "
                "undistort the images with COLMAP's image_undistorter"
            )
    fx, fy = named.get("fx", named.get("f", 0.0)), named.get("fy", named.get("f", 0.0))
    if not min(fx, fy) > 1e-6:
        raise InputError(
            f"{where}: focal lengths must be above zero, got {fx:g} and {fy:g}; run COLMAP again"
        )
    distortion = tuple(named.get(name, 0.0) for name in _DISTORTION)
    return Lens(model.kind, (fx, fy, named["cx"], named["cy"]), distortion)
