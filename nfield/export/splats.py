"""Gaussian splats that start from a field's surface, as 3D Gaussian Splatting writes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nfield.export.points import Points, write_ply
from nfield.extras import require

OPACITY = 0.9
FLATNESS = 0.1  # thickness of a splat, of its width
NEIGHBOURS = 3
_REST = 45  # coefficients of the bands 1 to 3 of spherical harmonics, three colours
_BAND_0 = 0.28209479177387814  # Y_00


@dataclass(frozen=True)
class Splats:
    """Gaussians in the input's frame.

    Shape
        position, scale ``(N, 3)`` float32, standard deviations along the Gaussian's axes; rotation
        ``(N, 4)`` unit quaternions w x y z from these axes to the world; opacity ``(N,)`` in
        (0, 1); color ``(N, 3)`` in [0, 1]
    """

    position: NDArray[np.float32]
    scale: NDArray[np.float32]
    rotation: NDArray[np.float32]
    opacity: NDArray[np.float32]
    color: NDArray[np.float32]


def splats_of(points: Points) -> Splats:
    """A flat disc on every point.

    Formula
        standard deviations: the root mean square of the distances to the 3 nearest points across,
        a tenth of it along the normal, which is the Gaussian's z axis; opacity 0.9
    Source
        Kerbl et al. 2023, 3D Gaussian Splatting, arXiv:2308.04079, Sec. 5.1 for the widths

    Raises:
        InputError: the extra `mesh` is not installed.
    """
    spatial = require("scipy.spatial", "mesh", "finding neighbours of points")
    tree = spatial.cKDTree(points.position)
    distance, _ = tree.query(points.position, NEIGHBOURS + 1)
    width = np.sqrt((distance[:, 1:] ** 2).mean(1)).astype(np.float32)
    width = np.maximum(width, np.float32(1e-7))
    scale = width[:, None] * np.array([1, 1, FLATNESS], np.float32)
    return Splats(
        points.position,
        scale,
        _turn_z(points.normal),
        np.full(len(points), OPACITY, np.float32),
        (points.color / 255).astype(np.float32),
    )


def write_splats(path: Path, splats: Splats) -> None:
    r"""Write Gaussians in the layout of 3D Gaussian Splatting's point_cloud.ply.

    Formula
        stored are $\ln$ of the scales, $\ln(o / (1 - o))$ of the opacity and
        $(c - 1/2) / Y_{00}$ as `f_dc`; `f_rest` and the normals are zero
    Raises
        InputError: see `nfield.export.points.write_points`.
    """
    zero = np.zeros(len(splats.position), np.float32)
    base = (splats.color - 0.5) / np.float32(_BAND_0)
    columns: dict[str, NDArray[Any]] = {}
    columns |= {name: splats.position[:, i] for i, name in enumerate("xyz")}
    columns |= {name: zero for name in ("nx", "ny", "nz")}
    columns |= {f"f_dc_{i}": base[:, i] for i in range(3)}
    columns |= {f"f_rest_{i}": zero for i in range(_REST)}
    columns["opacity"] = np.log(splats.opacity / (1 - splats.opacity))
    columns |= {f"scale_{i}": np.log(splats.scale[:, i]) for i in range(3)}
    columns |= {f"rot_{i}": splats.rotation[:, i] for i in range(4)}
    write_ply(path, columns)


def _turn_z(normal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Unit quaternions ``(N, 4)``, w x y z, of the shortest turns from z to unit vectors."""
    x, y, z = normal.astype(np.float64).T
    turn = np.stack([1 + z, -y, x, np.zeros_like(x)], 1)
    # Half a turn about x where the vector is -z: any axis across would do.
    turn[z < -1 + 1e-9] = (0, 1, 0, 0)
    return (turn / np.linalg.norm(turn, axis=1, keepdims=True)).astype(np.float32)
