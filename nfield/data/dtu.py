"""DTU and BlendedMVS as IDR and NeuS prepared them: cameras.npz, image/ and mask/.

Source: Yariv et al., "Multiview Neural Surface Reconstruction by Disentangling Geometry and
Appearance", 2020, and the code that came with it: `world_mat_i` is the 4 x 4 projection K [R | t]
of world points to pixels, whose centres lie at whole numbers, and `scale_mat_i` takes the unit ball
to the ball that holds the object.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from nfield.data.arrays import read_npz
from nfield.data.capture import Capture
from nfield.data.frames import Frame, hold_out
from nfield.data.images import Header, header, require_mask
from nfield.data.lens import Lens
from nfield.data.pictures import list_images, stem
from nfield.data.pose import LARGEST, rigid
from nfield.errors import InputError

FILES = ("cameras.npz", "cameras_sphere.npz")
UNITS = "the poses' own (of DTU: millimetres)"
_SKEW = 0.01  # pixels at the image's border: less is the noise of the matrices' digits


def read_dtu(file: Path, downscale: int) -> Capture:
    """Posed images with masks, every eighth of them for testing.

    Where there are masks only the object trains, and the cube around the ball of the first
    `scale_mat` bounds it.

    Raises:
        InputError: a matrix is missing or no projection, or a camera has skew; there are not as
            many images or masks as cameras.
    """
    folder = file.parent
    images = list_images(folder / "image", folder)
    masks = list_images(folder / "mask", folder)
    names = [f"{kind}_mat_{i}" for kind in ("world", "scale") for i in range(len(images) + 1)]
    arrays = read_npz(file, names)
    cameras = sum(name.startswith("world") for name in arrays)
    for what, found in (("image", images), ("mask", masks)):
        if len(found) != cameras and (what == "image" or found):
            raise InputError(
                f"{file}: there must be one {what} for each camera, in the order of names, "
                f"got {len(found)} in {folder / what}; restore the files"
            )
    frames = [
        _frame(folder, file, arrays, i, image, masks[i] if masks else None)
        for i, image in enumerate(images)
    ]
    if not frames:
        raise InputError(f"{folder}: images must be in {folder / 'image'}, got none; copy them")
    return Capture(
        folder,
        "DTU / IDR",
        hold_out(frames),
        units=UNITS,
        downscale=downscale,
        box=_box(file, arrays) if masks else None,
    )


def project_parts(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """K (3, 3) and camera-to-world (3, 4) of a projection K [R | t], or None where it is none.

    Formula: RQ decomposition of the left 3 x 3 part, signs such that K has a positive diagonal and
    R is a rotation.
    """
    left = matrix[:3, :3]
    if not np.isfinite(matrix).all() or abs(np.linalg.det(left)) <= 1e-12 * np.abs(left).max() ** 3:
        return None
    # RQ of A by QR of the rows of A in reverse order, transposed.
    flip = np.eye(3)[::-1]
    q, r = np.linalg.qr((flip @ left).T)
    upper, rotation = flip @ r.T @ flip, flip @ q.T
    sign = np.sign(np.diag(upper))
    upper, rotation = upper * sign, sign[:, None] * rotation
    position = -np.linalg.solve(left, matrix[:3, 3])
    if np.linalg.det(rotation) < 0:  # the projection's sign is free
        rotation = -rotation
    return upper / upper[2, 2], np.concatenate([rotation.T, position[:, None]], axis=1)


def _frame(
    folder: Path,
    file: Path,
    arrays: dict[str, np.ndarray],
    i: int,
    image: Path,
    mask: Path | None,
) -> Frame:
    key = f"world_mat_{i}"

    def refuse(rule: str) -> InputError:
        return InputError(f"{file}: {key} must {rule}; write the file again")

    matrix = arrays.get(key)
    if matrix is None or matrix.shape not in ((4, 4), (3, 4)):
        raise refuse(f"be a 4x4 matrix, got {'none' if matrix is None else matrix.shape}")
    parts = project_parts(matrix)
    if parts is None:
        raise refuse("be a projection K [R | t] of finite numbers")
    info = header(image)
    if mask is not None:
        require_mask(mask, info)
    return Frame(
        file_path=image.name,
        image=image,
        mask=mask,
        name=stem(image, folder),
        camera_to_world=rigid(parts[1], refuse),
        lens=_lens(parts[0], info, refuse),
        header=info,
    )


def _lens(k: np.ndarray, info: Header, refuse: Callable[[str], InputError]) -> Lens:
    fx, fy, cx, cy = k[0, 0].item(), k[1, 1].item(), k[0, 2].item(), k[1, 2].item()
    if not all(abs(value) <= LARGEST for value in (fx, fy, cx, cy)):
        raise refuse("be a projection K [R | t] of finite numbers")
    shift = abs(k[0, 1].item()) / fy * info.height
    if shift > _SKEW:
        raise refuse(f"have no skew, got one that moves pixels by {shift:.3g}")
    # Here the image begins at 0, half a pixel before the centre of its first pixel.
    return Lens("opencv", (fx, fy, cx + 0.5, cy + 0.5))


def _box(file: Path, arrays: dict[str, np.ndarray]) -> np.ndarray | None:
    matrix = arrays.get("scale_mat_0")
    if matrix is None:
        return None
    if matrix.shape not in ((4, 4), (3, 4)) or not (np.abs(matrix) <= LARGEST).all():
        raise InputError(f"{file}: scale_mat_0 must be a 4x4 matrix of finite numbers; correct it")
    radius = matrix[0, 0].item()
    if radius <= 1e-6 or np.abs(matrix[:3, :3] - radius * np.eye(3)).max() > 1e-3 * radius:
        raise InputError(
            f"{file}: scale_mat_0 must scale all axes by one positive number; correct it"
        )
    return np.stack([matrix[:3, 3] - radius, matrix[:3, 3] + radius])
