r"""LPIPS from a weights file the user has.

One file holds the backbone and the linear heads of version 0.1, as safetensors or as a torch
file (read with ``weights_only=True``), under these names; others in the file are ignored:

``features.N.weight``, ``features.N.bias``
    the convolutions of torchvision's ``vgg16`` (N = 0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    or ``alexnet`` (N = 0, 3, 6, 8, 10) with ImageNet weights
``linK.model.1.weight``
    the heads, K = 0 to 4, each ``(1, C, 1, 1)``

The state dict of the ``lpips`` package's own network serves as it is, its backbone being named
``net.sliceM.N.weight``::

    torch.save(lpips.LPIPS(net="vgg").state_dict(), "lpips_vgg.pt")
"""

from __future__ import annotations

import hashlib
import pickle
import re
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from nfield.errors import InputError

# Per network: stages of convolutions (number in the file, output channels); a max pooling stands
# before a stage where `pooled` says so; the output of each stage is compared.
_VGG = (
    ((0, 64), (2, 64)),
    ((5, 128), (7, 128)),
    ((10, 256), (12, 256), (14, 256)),
    ((17, 512), (19, 512), (21, 512)),
    ((24, 512), (26, 512), (28, 512)),
)
_ALEX = (((0, 64),), ((3, 192),), ((6, 384),), ((8, 256),), ((10, 256),))
_STAGES = {"vgg": _VGG, "alex": _ALEX}
_KERNELS = {"vgg": (3, 3, 3, 3, 3), "alex": (11, 5, 3, 3, 3)}
_POOLED = {"vgg": (1, 2, 3, 4), "alex": (1, 2)}
_SMALLEST = {"vgg": 16, "alex": 31}  # pixels a side, below which a stage would be empty

# From [0, 1] to the statistics LPIPS was trained with: its scaling layer acts on [-1, 1].
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)


class LPIPS:
    r"""Learned perceptual image patch similarity, version 0.1.

    Formula
        $\sum_k \frac{1}{H_k W_k} \sum_{p,c} w_{kc} (\hat a_{kcp} - \hat b_{kcp})^2$ with $\hat a_k$
        the features of stage k, of unit length over channels at each pixel
    Shape
        prediction, truth ``(H, W, 3)`` uint8; mask ``(H, W)`` bool, multiplies both -> float
    Raises
        InputError: the file is missing, unreadable, or lacks a weight or has one of another shape;
            an image is too small for the network.
    Source
        Zhang et al. 2018, arXiv:1801.03924, Eq. 1
    """

    def __init__(self, path: str | Path, *, device: str = "cpu"):
        weights = _read(Path(path))
        self.network = _network(weights, path)
        checked = _checked(weights, _expected(self.network), path)
        self._weights = {name: w.to(device, torch.float32) for name, w in checked.items()}
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        self.source = {"network": self.network, "sha256": digest}

    def __call__(
        self,
        prediction: NDArray[np.uint8],
        truth: NDArray[np.uint8],
        mask: NDArray[np.bool_] | None = None,
    ) -> float:
        if min(truth.shape[:2]) < _SMALLEST[self.network]:
            raise InputError(
                f"LPIPS: image must be at least {_SMALLEST[self.network]} pixels a side for "
                f"{self.network}, got {truth.shape[1]}x{truth.shape[0]}; use a smaller --downscale"
            )
        pair = torch.from_numpy(np.stack([prediction, truth])).to(self._weights["lin0"].device)
        pair = pair.permute(0, 3, 1, 2).float() / 255.0
        if mask is not None:
            pair = pair * torch.from_numpy(mask).to(pair.device)
        with torch.inference_mode():
            return float(self._distance(pair))

    def _distance(self, pair: Tensor) -> Tensor:
        shift, scale = (pair.new_tensor(v)[:, None, None] for v in (_SHIFT, _SCALE))
        x = (2.0 * pair - 1.0 - shift) / scale
        total = pair.new_zeros(())
        for k, stage in enumerate(_STAGES[self.network]):
            if k in _POOLED[self.network]:
                x = functional.max_pool2d(x, 2 if self.network == "vgg" else 3, 2)
            for number, _ in stage:
                x = self._convolve(x, number)
            # 1e-10 as in the reference: a pixel without any feature stays zero.
            unit = x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10)
            square = (unit[:1] - unit[1:]).square()
            total = total + functional.conv2d(square, self._weights[f"lin{k}"]).mean()
        return total

    def _convolve(self, x: Tensor, number: int) -> Tensor:
        weight = self._weights[f"features.{number}.weight"]
        first = self.network == "alex" and number == 0
        stride, padding = (4, 2) if first else (1, weight.shape[-1] // 2)
        bias = self._weights[f"features.{number}.bias"]
        return functional.conv2d(x, weight, bias, stride=stride, padding=padding).relu_()


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise InputError(f"{path}: LPIPS weights must be a file, got none; check --lpips-weights")
    try:
        if path.suffix == ".safetensors":
            weights = load_file(path)
        else:
            weights = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, ValueError, EOFError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path}: LPIPS weights must be a safetensors file or a torch state dict, got one that "
            f"cannot be read ({reason})"
        ) from error
    if not isinstance(weights, dict) or not all(isinstance(v, Tensor) for v in weights.values()):
        raise InputError(
            f"{path}: LPIPS weights must be a flat state dict of tensors, got "
            f"{type(weights).__name__}; save model.state_dict()"
        )
    renamed = {re.sub(r"^net\.slice\d\.(\d+)\.", r"features.\1.", k): v for k, v in weights.items()}
    return {re.sub(r"^(lin\d)\.model\.1\.weight$", r"\1", k): v for k, v in renamed.items()}


def _network(weights: dict[str, Tensor], path: str | Path) -> str:
    first = weights.get("features.0.weight")
    for network, kernels in _KERNELS.items():
        if first is not None and tuple(first.shape) == (64, 3, kernels[0], kernels[0]):
            return network
    got = "none" if first is None else f"shape {tuple(first.shape)}"
    raise InputError(
        f"{path}: features.0.weight must have shape (64, 3, 3, 3) for vgg or (64, 3, 11, 11) for "
        f"alex, got {got}; the file must join torchvision's backbone and the LPIPS heads"
    )


def _expected(network: str) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    inputs = 3
    for k, (stage, kernel) in enumerate(zip(_STAGES[network], _KERNELS[network], strict=True)):
        for number, outputs in stage:
            shapes[f"features.{number}.weight"] = (outputs, inputs, kernel, kernel)
            shapes[f"features.{number}.bias"] = (outputs,)
            inputs = outputs
        shapes[f"lin{k}"] = (1, inputs, 1, 1)
    return shapes


def _checked(
    weights: dict[str, Tensor], expected: dict[str, tuple[int, ...]], path: str | Path
) -> dict[str, Tensor]:
    wrong = []
    for name, shape in expected.items():
        full = f"{name}.model.1.weight" if name.startswith("lin") else name
        tensor = weights.get(name)
        if tensor is None:
            wrong.append(f"no {full}")
        elif tuple(tensor.shape) != shape or not tensor.is_floating_point():
            wrong.append(f"{full} of {tensor.dtype} {tuple(tensor.shape)} instead of {shape}")
    if wrong:
        raise InputError(
            f"{path}: LPIPS weights must be complete, got {'; '.join(wrong)}; "
            "the file must join torchvision's backbone and the LPIPS heads"
        )
    return {name: weights[name] for name in expected}
