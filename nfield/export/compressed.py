"""Compressed models: 8 bits a value, then entropy coding. Small enough to send; not to train on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import torch
import zstandard
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from nfield.errors import InputError

SCHEMA = 1
BLOCK = 1024  # values that share a least value and a step
LEVEL = 19  # of zstandard: slow to write, as fast to read as any
MOST_BYTES = 1 << 32  # of a file once it is unpacked
_KEY = "nfield"
# What reading raises of a file that is cut short, or was never a model.
_DAMAGE = (
    *(zstandard.ZstdError, SafetensorError, AttributeError, IndexError, KeyError),
    *(RuntimeError, TypeError, ValueError),
)


def compress(tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> bytes:
    r"""Tensors and JSON values as one file.

    Formula
        of every block of 1024 values of a float tensor, in their order: codes
        $q = \mathrm{round}((v - low) / step)$ in 0..255, $low = \min v$,
        $step = (\max v - \min v) / 255$; tensors of other types, and those of fewer values than a
        block has codes, are kept as they are
    Source
        min-max quantisation to 8 bits as of Lee et al. 2024, arXiv:2311.14993, there by tensor;
        Zstandard, RFC 8878
    """
    packed: dict[str, Tensor] = {}
    shapes: dict[str, list[int]] = {}
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or tensor.numel() < 256:
            packed[name] = tensor.detach().contiguous()
            continue
        shapes[name] = list(tensor.shape)
        codes, low, step = _quantise(tensor.detach().float())
        packed |= {f"{name}.codes": codes, f"{name}.low": low, f"{name}.step": step}
    text = json.dumps({"schema": SCHEMA, "shapes": shapes, **header}, sort_keys=True)
    return zstandard.ZstdCompressor(level=LEVEL).compress(save(packed, {_KEY: text}))


def decompress(data: bytes, where: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Inverse of `compress`, float values up to half a step.

    Raises:
        InputError: the file is cut short, of another kind, too large or of a future schema.
    """
    try:
        size = zstandard.frame_content_size(data)
        if not 0 <= size <= MOST_BYTES:
            raise InputError(
                f"{where}: file must unpack to at most {MOST_BYTES:,} bytes, got {size:,}; "
                "export it again"
            )
        raw = zstandard.ZstdDecompressor().decompress(data, max_output_size=size)
        length = int.from_bytes(raw[:8], "little")
        header = json.loads(json.loads(raw[8 : 8 + length])["__metadata__"][_KEY])
        schema, shapes = header.pop("schema"), header.pop("shapes")
        if not isinstance(schema, int) or schema > SCHEMA:
            raise InputError(f"{where}: schema must be <= {SCHEMA}, got {schema!r}; update nfield")
        packed = load(raw)
        for name, shape in shapes.items():
            codes, low, step = (packed.pop(f"{name}.{part}") for part in ("codes", "low", "step"))
            packed[name] = _restore(codes, low, step, shape)
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(
            f"{where}: file must be a whole compressed model, got a damaged one ({error}); "
            "export it again"
        ) from error
    return packed, header


def _quantise(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Codes ``(N,)`` uint8, least values and steps ``(blocks,)``."""
    flat = values.reshape(-1)
    blocks = math.ceil(len(flat) / BLOCK)
    # The last block is filled with its own last value, which changes neither of its ends.
    padded = torch.cat([flat, flat[-1:].expand(blocks * BLOCK - len(flat))]).view(blocks, BLOCK)
    low, high = padded.amin(1), padded.amax(1)
    step = (high - low) / 255
    codes = ((padded - low[:, None]) / step.clamp(min=1e-38)[:, None]).round().clamp(0, 255)
    return codes.view(-1)[: len(flat)].to(torch.uint8), low, step


def _restore(codes: Tensor, low: Tensor, step: Tensor, shape: list[int]) -> Tensor:
    block = torch.arange(len(codes)) // BLOCK
    return (low[block] + codes.float() * step[block]).view(shape)
