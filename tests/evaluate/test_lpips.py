"""LPIPS with seeded random weights against a plain float64 network, and the weights file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from nfield.errors import InputError
from nfield.evaluate.lpips import LPIPS

VGG = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]
TAPS = {"vgg": (3, 8, 15, 22, 29), "alex": (1, 4, 7, 9, 11)}  # the ReLU that ends each stage
WIDTHS = {"vgg": (64, 128, 256, 512, 512), "alex": (64, 192, 384, 256, 256)}


def features(network: str) -> nn.Sequential:
    """The published architectures, layer by layer, as torchvision numbers them."""
    if network == "alex":
        return nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
        )
    layers: list[nn.Module] = []
    inputs = 3
    for width in VGG:
        if isinstance(width, int):
            layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU()]
            inputs = width
        else:
            layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers)


@pytest.fixture(scope="module", params=["vgg", "alex"])
def weights(request) -> tuple[str, dict[str, Tensor]]:
    torch.manual_seed(0)
    network = request.param
    state = {f"features.{key}": value for key, value in features(network).state_dict().items()}
    for key, value in state.items():
        if key.endswith("weight"):  # keeps activations of order one through all layers
            value.mul_(6.0**0.5)
    heads = {
        f"lin{k}.model.1.weight": torch.rand(1, width, 1, 1)
        for k, width in enumerate(WIDTHS[network])
    }
    return network, state | heads


@pytest.fixture(scope="module")
def file(weights, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("lpips") / "weights.safetensors"
    save_file(weights[1], path)
    return path


@torch.no_grad()
def reference(network: str, state: dict[str, Tensor], a: np.ndarray, b: np.ndarray) -> float:
    """Section 3 of arXiv:1801.03924 as written, in float64."""
    net = features(network).double()
    prefix = "features."
    net.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if prefix in k})
    shift = torch.tensor([-0.030, -0.088, -0.188]).double()[None, :, None, None]
    scale = torch.tensor([0.458, 0.448, 0.450]).double()[None, :, None, None]
    pair = [torch.from_numpy(x).permute(2, 0, 1)[None].double() / 127.5 - 1.0 for x in (a, b)]
    x, y = ((image - shift) / scale for image in pair)
    total = 0.0
    for number, layer in enumerate(net):
        x, y = layer(x), layer(y)
        if number in TAPS[network]:
            k = TAPS[network].index(number)
            p, q = (v / (v.pow(2).sum(1, keepdim=True).sqrt() + 1e-10) for v in (x, y))
            head = state[f"lin{k}.model.1.weight"].double()
            total += float(((p - q) ** 2 * head).sum(1).mean())
    return total


def pictures(height: int = 45, width: int = 67) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    return tuple(random.integers(0, 256, (2, height, width, 3), dtype=np.uint8))


def test_value_matches_the_plain_network(weights, file):
    network, state = weights
    a, b = pictures()
    metric = LPIPS(file)
    assert metric.network == network
    # Float32 through at most 13 convolutions of 4608 terms: about 1e-5 relative.
    assert metric(a, b) == pytest.approx(reference(network, state, a, b), rel=1e-4)


def test_equal_images_are_at_distance_zero_and_order_does_not_matter(file):
    a, b = pictures()
    metric = LPIPS(file)
    assert metric(a, a) == 0.0
    assert metric(a, b) == pytest.approx(metric(b, a), rel=1e-6)


def test_mask_multiplies_both_images(file):
    a, b = pictures()
    mask = np.random.default_rng(2).random(a.shape[:2]) < 0.5
    kept = mask[..., None].astype(np.uint8)
    metric = LPIPS(file)
    assert metric(a, b, mask) == pytest.approx(metric(a * kept, b * kept), rel=1e-6)


def test_source_is_the_network_and_the_sum_of_the_file(weights, file):
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert LPIPS(file).source == {"network": weights[0], "sha256": digest}


def test_torch_files_and_the_names_of_the_lpips_package_are_read(weights, file, tmp_path):
    _, state = weights
    renamed = {
        k.replace("features.", f"net.slice{1 + i % 5}."): v
        for i, (k, v) in enumerate(state.items())
    }
    torch.save(renamed | {"scaling_layer.shift": torch.zeros(1)}, tmp_path / "whole.pt")
    a, b = pictures()
    # Sums in float32 follow how the memory of the weights is aligned.
    assert LPIPS(tmp_path / "whole.pt")(a, b) == pytest.approx(LPIPS(file)(a, b), rel=1e-6)


def test_too_small_an_image_is_refused(weights, file):
    metric = LPIPS(file)
    smallest = {"vgg": 16, "alex": 31}[weights[0]]
    fits = np.zeros((smallest, smallest, 3), np.uint8)
    assert metric(fits, fits + 255) > 0.0
    with pytest.raises(InputError, match=f"at least {smallest} pixels a side for {weights[0]}"):
        metric(fits[1:], fits[1:])


def test_missing_and_misshapen_weights_are_all_named(weights, tmp_path):
    state = dict(weights[1])
    del state["features.0.bias"], state["lin3.model.1.weight"]
    state["lin0.model.1.weight"] = torch.ones(64)
    path = tmp_path / "cut.safetensors"
    save_file(state, path)
    expected = (
        r"cut\.safetensors: LPIPS weights must be complete, got no features\.0\.bias; "
        r"lin0\.model\.1\.weight of torch\.float32 \(64,\) instead of \(1, 64, 1, 1\); "
        r"no lin3\.model\.1\.weight; the file must join"
    )
    with pytest.raises(InputError, match=expected):
        LPIPS(path)


def test_another_network_is_refused(tmp_path):
    save_file({"features.0.weight": torch.zeros(96, 3, 7, 7)}, tmp_path / "squeeze.safetensors")
    with pytest.raises(InputError, match=r"features\.0\.weight must have shape .* got shape \(96,"):
        LPIPS(tmp_path / "squeeze.safetensors")


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"absent\.pt: LPIPS weights must be a file, got none"):
        LPIPS(tmp_path / "absent.pt")
    for name in ("broken.safetensors", "broken.pt", "empty.pt"):
        path = tmp_path / name
        path.write_bytes(b"" if "empty" in name else b"neither one nor the other")
        with pytest.raises(InputError, match=f"{name}: LPIPS weights must be a safetensors file"):
            LPIPS(path)
    torch.save([torch.zeros(1)], tmp_path / "list.pt")
    with pytest.raises(InputError, match="must be a flat state dict of tensors, got list"):
        LPIPS(tmp_path / "list.pt")


def test_a_pickle_that_runs_code_is_refused_unrun(tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    torch.save({"features.0.weight": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(InputError, match="LPIPS weights must be a safetensors file or a torch"):
        LPIPS(tmp_path / "trap.pt")
    assert not (tmp_path / "ran").exists()
