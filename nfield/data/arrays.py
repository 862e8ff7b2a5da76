"""Arrays in .npy and .npz files: never pickled, and no larger than the file that holds them."""

from __future__ import annotations

import io
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from nfield.errors import InputError

MAX_BYTES = 2**26  # of a file: cameras are a few hundred bytes each
_MEMBER = 2**16  # of an array in a .npz file, likewise
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# numpy reads headers as Python literals, after tokenizing those that are none.
_ERRORS = (
    *(ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError),
    *(OSError, EOFError, KeyError),
)


def read_npy(file: Path) -> np.ndarray:
    """The real numbers of a .npy file, as float64.

    Raises:
        InputError: it is no such file, is cut, or holds anything else than numbers.
    """
    return _parse(_content(file), str(file))


def read_npz(file: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """The arrays of these names in a .npz file, as far as they are there, as float64.

    Raises:
        InputError: as `read_npy`, or an array is larger than that of a camera can be.
    """
    wanted = set(names)
    arrays = {}
    try:
        with zipfile.ZipFile(io.BytesIO(_content(file))) as archive:
            for member in archive.infolist():
                key = member.filename.removesuffix(".npy")
                # Other compressions unfold without a limit.
                if key in wanted and member.compress_type in _COMPRESSIONS:
                    with archive.open(member) as stream:
                        arrays[key] = _parse(stream.read(_MEMBER + 1), f"{file}: {key}")
    except InputError:
        raise
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, *_ERRORS) as error:
        raise InputError(
            f"{file}: must be an archive of arrays (.npz), got {error}; write the file again"
        ) from error
    return arrays


def _content(file: Path) -> bytes:
    size = file.stat().st_size
    if size > MAX_BYTES:
        raise InputError(
            f"{file}: must have at most {MAX_BYTES} bytes, got {size}; it holds no cameras"
        )
    return file.read_bytes()


def _parse(data: bytes, where: str) -> np.ndarray:
    """One array; what its header promises must be exactly what is there."""
    stream = io.BytesIO(data)  # unlike a file, it reserves nothing for a length that lies
    try:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except _ERRORS as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{where}: must be an array of numbers (.npy), got {reason}; write the file again"
        ) from error
    if dtype.kind not in "fiu":
        raise InputError(f"{where}: must hold real numbers, got {dtype}; write the file again")
    promised = dtype.itemsize
    for side in shape:
        promised *= side
    left = len(data) - stream.tell()
    if promised != left or min(shape, default=1) < 0:
        raise InputError(
            f"{where}: must have as many bytes as its header says ({promised}), got {left}; "
            "copy the file again"
        )
    values = np.frombuffer(stream.read(left), dtype).astype(np.float64)
    return values.reshape(shape, order="F" if fortran else "C")
