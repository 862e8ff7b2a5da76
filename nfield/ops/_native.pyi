"""The native module (csrc/bindings.cpp): arrays in, then arrays that are filled."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

def empty(shape: Sequence[int]) -> Any: ...
def isa() -> str: ...
def lanes() -> int: ...
def threads() -> int: ...
def fma_peak() -> float: ...

class HashGrid:
    def __init__(
        self, dims: int, features: int, levels: list[tuple[float, int, int, int, bool]], /
    ) -> None: ...
    def forward(self, x: Tensor, table: Tensor, y: Tensor, /) -> None: ...
    def backward_table(self, x: Tensor, dy: Tensor, dtable: Tensor, /) -> None: ...
    def backward_x(self, x: Tensor, table: Tensor, dy: Tensor, dx: Tensor, /) -> None: ...

class Mlp:
    def __init__(
        self,
        in_: int,
        out: int,
        width: int,
        hidden: int,
        activation: int,
        bias: bool,
        omega_first: float,
        omega_hidden: float,
        /,
    ) -> None: ...
    def forward(self, x: Tensor, weights: Tensor, y: Tensor, kept: Tensor | None) -> None: ...
    def backward(
        self,
        x: Tensor,
        weights: Tensor,
        kept: Tensor | None,
        dy: Tensor,
        dx: Tensor | None,
        dweights: Tensor,
    ) -> None: ...

class March:
    def march(
        self, origin: Tensor, direction: Tensor, jitter: Tensor, t: Tensor, count: Tensor, /
    ) -> None: ...
    def pack(
        self,
        origin: Tensor,
        direction: Tensor,
        t: Tensor,
        offset: Tensor,
        x: Tensor,
        t_packed: Tensor,
        dt: Tensor,
        ray: Tensor,
        /,
    ) -> None: ...

_Point = tuple[float, float, float]

def march_shape(
    words: Tensor,
    resolution: int,
    center: _Point,
    half_size: float,
    near: float,
    step: float,
    cone: float,
    unbounded: bool,
    capacity: int,
    /,
) -> March: ...
def exponential_forward(most: float, x: Tensor, y: Tensor, /) -> None: ...
def exponential_backward(most: float, x: Tensor, y: Tensor, dy: Tensor, dx: Tensor, /) -> None: ...
def logistic_forward(x: Tensor, y: Tensor, /) -> None: ...
def logistic_backward(y: Tensor, dy: Tensor, dx: Tensor, /) -> None: ...
def spherical_harmonics_forward(degree: int, d: Tensor, y: Tensor, /) -> None: ...
def spherical_harmonics_backward(degree: int, d: Tensor, dy: Tensor, dd: Tensor, /) -> None: ...
def fourier_forward(x: Tensor, frequencies: Tensor, y: Tensor, /) -> None: ...
def fourier_backward(
    x: Tensor,
    frequencies: Tensor,
    y: Tensor,
    dy: Tensor,
    dx: Tensor | None,
    dfrequencies: Tensor | None,
) -> None: ...

# camera_*: pose, intrinsics, distortion, lens, index, then pixel -> origin, direction, or
# point -> pixel, depth; composite_*: operands as in nfield.ops.composite, then results;
# adam: rate, beta1, beta2, epsilon, step, then gradient, parameter, m, v.
def reuse_memory() -> None: ...
def camera_rays(*arrays: Tensor) -> None: ...
def camera_project(*arrays: Tensor) -> None: ...
def composite_forward(*arrays: Tensor) -> None: ...
def composite_backward(*arrays: Tensor) -> None: ...
def adam(*operands: float | Tensor) -> None: ...
def unit_cube(
    center: _Point, half_size: float, unbounded: bool, point: Tensor, out: Tensor, /
) -> None: ...
def window_counts(
    offset: Tensor, seen: Tensor, depth: Tensor, most: float, width: int, count: Tensor, /
) -> None: ...
def window_indices(offset: Tensor, seen: Tensor | None, window: Tensor, index: Tensor) -> None: ...
def window_advance(
    window: Tensor, thickness: Tensor, most: float, seen: Tensor, depth: Tensor, /
) -> None: ...
