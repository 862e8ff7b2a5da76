"""The multiresolution hash grid of instant-ngp in JAX, compiled by XLA for the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.peers.hash_grid_torch import Level

Array = Any
PRIME_Y, PRIME_Z = 2654435761, 805459861


def make_encode(levels: list[Level]) -> Callable[[Array, Array], Array]:
    """(table (E, F), x (N, 3)) -> (N, L * F) float32."""

    def encode(table: Array, x: Array) -> Array:
        return jnp.concatenate([_encode_level(level, table, x) for level in levels], axis=1)

    return encode


def make_gradient(levels: list[Level]) -> Callable[[Array, Array, Array], tuple[Array, Array]]:
    """(table, x, upstream (N, L * F)) -> features, gradient of the table (E, F)."""
    encode = make_encode(levels)

    def gradient(table: Array, x: Array, upstream: Array) -> tuple[Array, Array]:
        features, pullback = jax.vjp(lambda t: encode(t, x), table)
        return features, pullback(upstream)[0]

    return gradient


def _encode_level(level: Level, table: Array, x: Array) -> Array:
    position = x * level.scale + 0.5
    cell = jnp.floor(position)
    fraction = position - cell
    low = cell.astype(jnp.uint32)
    features = jnp.zeros((), table.dtype)
    for corner in range(8):
        bits = [corner >> axis & 1 for axis in range(3)]
        i, j, k = (low[:, axis] + jnp.uint32(bits[axis]) for axis in range(3))
        weight = jnp.ones((), table.dtype)
        for axis, bit in enumerate(bits):
            weight = weight * (fraction[:, axis] if bit else 1 - fraction[:, axis])
        if level.hashed:
            row = (i ^ (j * jnp.uint32(PRIME_Y)) ^ (k * jnp.uint32(PRIME_Z))) & (level.size - 1)
        else:
            row = i + level.resolution * (j + level.resolution * k)
            row = jnp.where(row >= level.size, row - level.size, row)
        entry = table.at[row.astype(jnp.int32) + level.offset].get(mode="promise_in_bounds")
        features = features + entry * weight[:, None]
    return features
