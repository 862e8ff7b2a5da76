"""Compressed models: half a step of error, everything else exact, refusals."""

from __future__ import annotations

import pytest
import torch
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.errors import InputError
from nfield.export import compressed
from nfield.export.compressed import BLOCK, compress, decompress


@given(
    st.integers(256, 3 * BLOCK),
    st.floats(1e-6, 1e6),
    st.floats(-1e3, 1e3),
)
@settings(max_examples=40, deadline=None)
def test_round_trip_is_within_half_a_step(count: int, scale: float, offset: float) -> None:
    values = offset + scale * torch.randn(count, generator=torch.Generator().manual_seed(count))
    back, header = decompress(compress({"a": values.view(1, count)}, {"k": [1]}), "file")
    assert header == {"k": [1]} and back["a"].shape == (1, count)
    for block, wanted in zip(back["a"][0].split(BLOCK), values.split(BLOCK), strict=True):
        step = float(wanted.max() - wanted.min()) / 255
        rounding = 2e-6 * float(wanted.abs().max())  # of float32 at the values' size
        assert float((block - wanted).abs().max()) <= 0.5 * step + rounding


def test_constants_small_tensors_and_other_types_are_exact() -> None:
    tensors = {
        "constant": torch.full((5000,), 0.1),
        "small": torch.randn(255),
        "double": torch.tensor(1 / 3, dtype=torch.float64),
        "flags": torch.rand(3, 400) > 0.5,
        "whole": torch.arange(1000),
    }
    back, _ = decompress(compress(tensors, {}), "file")
    assert all(torch.equal(back[name], tensor) for name, tensor in tensors.items())


def test_eight_bits_and_less() -> None:
    noise, smooth = torch.randn(100_000), torch.linspace(0, 1, 100_000)
    assert len(compress({"a": noise}, {})) < 1.05 * len(noise)
    assert len(compress({"a": smooth}, {})) < 0.2 * len(smooth)


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_file_cut_short_is_refused(kept: float) -> None:
    whole = compress({"a": torch.randn(5000)}, {})
    with pytest.raises(InputError, match=r"cut\.nfield: file must be"):
        decompress(whole[: int(kept * len(whole))], "cut.nfield")


def test_other_files_bombs_and_future_schemas_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="must be a whole compressed model, got a damaged one"):
        decompress(zstandard.compress(b"hello"), "x")
    with pytest.raises(InputError, match="must be a whole compressed model, got a damaged one"):
        decompress(b"not zstandard at all", "x")
    for shapes in ({"a": [1]}, {"b": [300]}, [1], None):  # too few, of what is not there, no table
        damaged = compress({"a.codes": torch.zeros(300, dtype=torch.uint8)}, {"shapes": shapes})
        with pytest.raises(InputError, match="must be a whole compressed model, got a damaged one"):
            decompress(damaged, "x")
    whole = compress({"a": torch.zeros(5000)}, {})
    monkeypatch.setattr(compressed, "MOST_BYTES", 100)
    with pytest.raises(InputError, match="must unpack to at most 100 bytes, got "):
        decompress(whole, "x")
    monkeypatch.undo()
    monkeypatch.setattr(compressed, "SCHEMA", 7)
    later = compress({}, {})
    monkeypatch.undo()
    with pytest.raises(InputError, match="schema must be <= 1, got 7; update nfield"):
        decompress(later, "x")
