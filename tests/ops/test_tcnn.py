"""tiny-cuda-nn from nfield's parameters: equal outputs, of the library on a GPU, and of its
documented layout written out here where there is none."""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from nfield.fields.presets import PRESETS
from nfield.ops import tcnn
from nfield.ops.hash_grid import HashGridShape, hash_grid
from nfield.ops.mlp import MlpShape, mlp
from nfield.ops.native import isa
from tests.ops.reference import with_gradients
from tests.ops.test_hash_grid import reference

GRID = HashGridShape(3, 2, 6, 10, 4, 64)
HASHED = [n for n, entry in PRESETS.items() if hasattr(entry.settings, "log2_table")]
SIZES = {"activation": "ReLU", "n_neurons": 64, "n_hidden_layers": 1}
PERCEPTRONS = [MlpShape(32, 3, 64, 1, "relu", False), MlpShape(19, 16, 16, 3, "none", False)]


def their_resolutions(config: dict[str, Any]) -> list[int]:
    """Vertices a side of every level, step by step in the library's float32."""
    exponent = torch.tensor(config["per_level_scale"], dtype=torch.float32).log2()
    found = []
    for level in range(config["n_levels"]):
        scale = torch.exp2(level * exponent) * config["base_resolution"] - 1
        found.append(int(scale.ceil()) + 1)
    return found


# A hidden value near 0 that rounding to a half moves across it has another slope.
in_floats = pytest.mark.skipif(
    isa() == "emulation", reason="the GPU's kernels multiply halves, the library's stand-in floats"
)


class Encoding(nn.Module):
    """Its hash grid: entries level by level, in float32."""

    def __init__(self, in_dim: int, config: dict[str, Any], dtype: torch.dtype):
        super().__init__()
        assert config["otype"] == "HashGrid" and dtype == torch.float32
        finest = config["base_resolution"] * config["per_level_scale"] ** (config["n_levels"] - 1)
        self.shape = HashGridShape(
            in_dim,
            config["n_features_per_level"],
            config["n_levels"],
            config["log2_hashmap_size"],
            config["base_resolution"],
            round(finest),
        )
        assert their_resolutions(config) == [row[1] for row in self.shape.layout]
        self.params = nn.Parameter(torch.zeros(self.shape.entries * self.shape.features))

    def forward(self, x: Tensor) -> Tensor:
        return reference(x, self.params.view(self.shape.entries, -1), self.shape).float()


class Network(nn.Module):
    """Its fused perceptron: matrices (out, in) in multiples of 16, inputs padded with ones."""

    def __init__(self, in_dim: int, out_dim: int, config: dict[str, Any]):
        super().__init__()
        assert config["otype"] == "FullyFusedMLP" and config["output_activation"] == "None"
        self.out_dim, self.padding = out_dim, -in_dim % 16
        self.activate = torch.relu if config["activation"] == "ReLU" else nn.Identity()
        width, hidden = config["n_neurons"], config["n_hidden_layers"]
        sides = [in_dim + self.padding, *[width] * hidden, out_dim + -out_dim % 16]
        self.sizes = list(zip(sides[1:], sides[:-1], strict=True))
        self.params = nn.Parameter(torch.zeros(sum(a * b for a, b in self.sizes)))

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.pad(x, (0, self.padding), value=1.0)
        start = 0
        for index, (out, in_) in enumerate(self.sizes):
            weight = self.params[start : start + out * in_].view(out, in_)
            x, start = (self.activate(x) if index else x) @ weight.T, start + out * in_
        return x[:, : self.out_dim]


@pytest.fixture
def layout(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The library's layout in its place."""
    module = types.ModuleType("tinycudann")
    module.Encoding, module.Network = Encoding, Network  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tinycudann", module)
    monkeypatch.setattr(torch.cuda, "device", lambda device: contextlib.nullcontext())
    monkeypatch.setattr(tcnn, "_can_go", lambda x: len(x) > 0)
    yield
    tcnn._grid.cache_clear()
    tcnn._network.cache_clear()


def grid_inputs() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    # Off the borders of cells, where both would have to round alike.
    x = (torch.randint(1, 4095, (300, 3), generator=generator) + 0.5) / 4096
    return x, torch.randn(GRID.entries, GRID.features, generator=generator)


def rows(shape: MlpShape) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(shape.parameters, generator=generator) / shape.width**0.5
    return torch.randn(300, shape.in_dim, generator=generator), weights


def both(device: torch.device | str, mine: Any, theirs: Any, inputs: Any, width: int) -> Any:
    """Values and gradients of both, on the CPU."""
    weight = torch.randn(300, width, generator=torch.Generator().manual_seed(2)).to(device)
    placed = [tensor.to(device) for tensor in inputs]
    found = (with_gradients(function, placed, weight) for function in (theirs, mine))
    return ([tensor.cpu() for tensor in tensors] for tensors in found)


def require_equal_grids(device: torch.device | str) -> None:
    theirs, mine = both(
        device,
        lambda x, t: hash_grid(x, t, GRID),
        lambda x, t: tcnn.hash_grid(x, t, GRID),
        grid_inputs(),
        GRID.out_dim,
    )
    # Positions up to 64 round by 4e-6, weights by as much; slopes are 64 times as large.
    for got, want, tolerance in zip(theirs, mine, (1e-4, 1e-2, 1e-4), strict=True):
        assert_close(got, want, atol=tolerance, rtol=1e-4)


def perceptrons(device: torch.device | str, shape: MlpShape) -> Any:
    """Values and gradients of both."""
    return both(
        device,
        lambda x, w: mlp(x, w, shape),
        lambda x, w: tcnn.mlp(x, w, shape),
        rows(shape),
        shape.out_dim,
    )


@pytest.mark.usefixtures("layout")
def test_a_grid_is_laid_out_as_theirs() -> None:
    require_equal_grids("cpu")


@in_floats
@pytest.mark.usefixtures("layout")
@pytest.mark.parametrize("shape", PERCEPTRONS)
def test_a_perceptron_is_laid_out_as_theirs(shape: MlpShape) -> None:
    theirs, mine = perceptrons("cpu", shape)
    # The same float32 products, summed in another order; gradients sum up 300 rows.
    for got, want in zip(theirs, mine, strict=True):
        scale = float(want.abs().max())
        assert_close(got / scale, want / scale, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", HASHED)
def test_the_grids_of_all_presets_have_the_resolutions_that_theirs_have(name: str) -> None:
    settings = PRESETS[name].settings
    shape = HashGridShape(
        3,
        settings.features,
        settings.levels,
        settings.log2_table,
        settings.base_resolution,
        settings.finest_resolution,
    )
    config = {
        "n_levels": shape.levels,
        "base_resolution": shape.base_resolution,
        "per_level_scale": tcnn.growth(shape),
    }
    assert their_resolutions(config) == [row[1] for row in shape.layout]
    assert tcnn.growth(shape) == pytest.approx(shape.growth, rel=3e-7)  # of float32


@in_floats
@pytest.mark.usefixtures("layout")
def test_small_gradients_survive_half_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    class Half(Network):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).half()

    monkeypatch.setattr(sys.modules["tinycudann"], "Network", Half)
    shape = PERCEPTRONS[0]
    x, weights = rows(shape)
    tiny = 1e-9 * torch.randn(300, shape.out_dim, generator=torch.Generator().manual_seed(3))
    _, *theirs = with_gradients(lambda x, w: tcnn.mlp(x, w, shape), (x, weights), tiny)
    _, *mine = with_gradients(lambda x, w: mlp(x, w, shape), (x, weights), tiny)
    # Halves of the upstream gradient have 11 bits.
    for got, want in zip(theirs, mine, strict=True):
        scale = float(want.abs().max())
        assert_close(got / scale, want / scale, atol=1e-2, rtol=0)


def test_no_rows_and_rows_on_the_cpu_are_for_nfields_kernels() -> None:
    shape = PERCEPTRONS[0]
    x, weights = rows(shape)
    assert torch.equal(tcnn.mlp(x, weights, shape), mlp(x, weights, shape))
    points, table = grid_inputs()
    assert torch.equal(tcnn.hash_grid(points, table, GRID), hash_grid(points, table, GRID))
    assert not tcnn._can_go(torch.empty(0, 3))


def test_another_layout_is_refused() -> None:
    network = Network(32, 3, {"otype": "FullyFusedMLP", "output_activation": "None"} | SIZES)
    with pytest.raises(RuntimeError, match="perceptron must have 7 values, got 3072; .*native"):
        tcnn._emptied(network, "perceptron", 7)


def test_it_takes_only_what_it_computes_alike() -> None:
    assert all(map(tcnn.takes, PERCEPTRONS))
    for other in (
        MlpShape(8, 3, 64, 1, "relu", True),
        MlpShape(8, 3, 64, 1, "softplus", False),
        MlpShape(8, 3, 24, 1, "relu", False),
        MlpShape(8, 3, 64, 0, "relu", False),
    ):
        assert not tcnn.takes(other)


def test_the_library_gives_what_the_kernels_give(gpu: torch.device) -> None:
    if not tcnn.installed():
        pytest.skip("tiny-cuda-nn is not installed")
    require_equal_grids(gpu)
    for shape in PERCEPTRONS:
        theirs, mine = perceptrons(gpu, shape)
        # Both multiply halves, with 11 bits, in up to four layers; where one of them rounds a
        # hidden value across 0 a row has another slope, so that rows are compared as a whole.
        for got, want in zip(theirs, mine, strict=True):
            assert float((got - want).norm()) < 1e-2 * float(want.norm())
