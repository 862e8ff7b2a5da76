"""The build: kernels for the GPU where there is a compiler, and an explanation where not."""

from __future__ import annotations

import os
import shutil

import pytest
import torch

from nfield.config import Config
from nfield.errors import InputError
from nfield.ops.native import gpu_obstacle, isa
from nfield.train import device

NOT_BUILT = "this build has no GPU kernels"


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="no nvcc")
@pytest.mark.skipif(isa() == "emulation", reason="built for the CPU")
@pytest.mark.skipif(os.environ.get("NFIELD_CUDA_ARCH") == "none", reason="kernels left out")
def test_kernels_are_compiled_where_there_is_nvcc() -> None:
    assert NOT_BUILT not in gpu_obstacle()


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_without_a_gpu_the_obstacle_is_named_and_cuda_refused() -> None:
    assert device.obstacle()
    with pytest.raises(InputError, match="--device: cuda must be a GPU that can be used, got none"):
        device.wanted("cuda")
    assert device.at_hand("cuda") == torch.device("cpu")


def test_auto_is_the_cpu() -> None:
    assert device.wanted(Config(data="x", field="ngp").device) == torch.device("cpu")
