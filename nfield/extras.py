"""Optional packages: imported on first use, or an InputError that says how to install them."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
from typing import Any

from nfield.errors import InputError


def require(module: str, extra: str, purpose: str) -> Any:
    """Import a module of an extra.

    Args:
        purpose: What needs it, such as "reading video".

    Raises:
        InputError: it cannot be imported.
    """
    try:
        if module == "open3d":
            _load_libusb()
        return importlib.import_module(module)
    except (ImportError, OSError) as error:
        raise InputError(
            f"{purpose} needs {module.partition('.')[0]}, which cannot be imported ({error}); "
            f'pip install "nfield-engine[{extra}]"'
        ) from error


def ffmpeg(purpose: str) -> str:
    """Path of the ffmpeg program.

    Raises:
        InputError: there is none.
    """
    try:
        return str(require("imageio_ffmpeg", "video", purpose).get_ffmpeg_exe())
    except RuntimeError as error:
        raise InputError(
            f"{purpose} needs ffmpeg, which imageio-ffmpeg cannot find ({error}); "
            'pip install --force-reinstall "nfield-engine[video]"'
        ) from error


def _load_libusb() -> None:
    """open3d links to libusb, which small systems lack: take the one that the extra brings."""
    with contextlib.suppress(ImportError, OSError):
        libusb = importlib.import_module("libusb_package")
        ctypes.CDLL(os.fspath(libusb.get_library_path()), mode=ctypes.RTLD_GLOBAL)
