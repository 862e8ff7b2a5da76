"""Network with coordinate-aware modulation."""

from __future__ import annotations

import itertools
from typing import cast

from torch import Tensor, nn

from nfield.networks.mlp import MLP
from nfield.networks.modulation import Modulation, ModulationGrid
from nfield.ops import check
from nfield.ops.modulated_layer import ModulatedLayerShape, modulated_layer


class CAM(nn.Module):
    r"""Hidden layers whose normalised features are scaled and shifted by grids over coordinates.

    Formula
        $h_{l+1} = \mathrm{ReLU}(\gamma_l(p)\,\mathrm{norm}(W_l h_l + b_l) + \beta_l(p))$ for every
        hidden layer (see `nfield.ops.modulated_layer.modulated_layer`), then a linear layer;
        $\gamma$ and $\beta$ as in `nfield.networks.modulation.Modulation`, so that the network
        starts as the one without them
    Shape
        x ``(N, in_dim)``, p ``(N, 1 to 3)`` float32 -> ``(N, out_dim)`` float32
    Raises
        TypeError, ValueError: another dtype or shape; sizes outside those the kernel takes.
    Source
        Lee et al. 2024, Coordinate-Aware Modulation for Neural Fields, arXiv:2311.14993

    Args:
        width: Of the hidden layers.
        hidden: Number of hidden layers, 1 to 64.
        grid: Where scales and shifts come from; without one they stay 1 and 0.
        norm: none, layer, ray or instance, as in `ModulatedLayerShape`. Those over groups of rows
            make a value depend on its group: ask for whole groups, of the size learned with.
        group: Rows of such a group.
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 256,
        hidden: int = 3,
        grid: ModulationGrid | None = None,
        norm: str = "layer",
        group: int = 1,
    ):
        super().__init__()
        check.between("CAM", "hidden", hidden, 1, 64)
        channels = width if grid is not None and grid.per_channel else 1
        sizes = [in_dim, *[width] * hidden]
        self.shapes = [
            ModulatedLayerShape(below, above, channels, norm, group)
            for below, above in itertools.pairwise(sizes)
        ]
        self.hidden = nn.ModuleList(nn.Linear(shape.in_dim, shape.out_dim) for shape in self.shapes)
        self.head = MLP(sizes[-1], out_dim, hidden=0, bias=True)
        self.modulation = None if grid is None else Modulation(grid, hidden, width)

    def forward(self, x: Tensor, p: Tensor | None = None) -> Tensor:
        """See the class; `p` may be left out without a grid."""
        scale, shift = self._scale_and_shift(x, p)
        for layer, linear in enumerate(cast("list[nn.Linear]", self.hidden)):
            operands = (linear.weight, linear.bias, scale[layer], shift[layer])
            x = modulated_layer(x, *operands, self.shapes[layer])
        return self.head(x)

    def _scale_and_shift(self, x: Tensor, p: Tensor | None) -> tuple[Tensor, Tensor]:
        if self.modulation is None:
            shape = len(self.hidden), len(x), 1
            return x.new_ones(shape), x.new_zeros(shape)
        if p is None:
            raise ValueError("CAM: p must be given where the network has a grid, got None")
        return self.modulation(p)

    def grid_parameters(self) -> list[nn.Parameter]:
        """The grids' values: they want a higher learning rate than the network, some ten times."""
        return [] if self.modulation is None else list(self.modulation.parameters())

    def network_parameters(self) -> list[nn.Parameter]:
        """The linear layers' weights and biases."""
        return [*self.hidden.parameters(), *self.head.parameters()]
