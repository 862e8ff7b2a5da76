"""`nfield doctor`: what this installation can do, and how to get what it cannot."""

from __future__ import annotations

import importlib.util
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("nfield-engine", "torch", "numpy", "safetensors", "tyro", "rich", "imageio", "pillow")
EXTRAS = {
    "video": ("imageio_ffmpeg", "mp4 videos"),
    "mesh": ("open3d", "shapes, and exported meshes, points, splats"),
    "colmap": ("pycolmap", "poses of photos"),
    "maps": ("OpenEXR", "exported depth and normals"),
    "viewer": ("viser", "the viewer in the browser"),
    "log": ("tensorboard", "TensorBoard logs"),
    "cluster": ("ray", "benchmarks on a cluster"),
}


def examine() -> dict[str, Any]:
    """Versions, the native module's instruction set and threads, the GPU, and missing extras."""
    report: dict[str, Any] = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: _version(name) for name in PACKAGES},
        "cpus": os.cpu_count(),
        "native": _native(),
        "gpu": _gpu(),
        "extras": {},
    }
    for extra, (module, purpose) in EXTRAS.items():
        installed = importlib.util.find_spec(module) is not None
        repair = f'missing ({purpose}): pip install "nfield-engine[{extra}]"'
        report["extras"][extra] = "installed" if installed else repair
    return report


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return f"missing: pip install {package}"


def _native() -> dict[str, Any]:
    try:
        from nfield.ops import native
    except ImportError as error:
        return {"error": f"not built ({error}): run pip install . in the repository"}
    return {"isa": native.isa(), "threads": native.threads()}


def _gpu() -> str:
    try:
        import torch

        from nfield.train.device import obstacle
    except ImportError as error:
        return f"unknown: {error}"
    if found := obstacle():
        return f"not used: {found}"
    return str(torch.cuda.get_device_name())
