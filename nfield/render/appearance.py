"""Appearance of photos: exposure, white balance and haze that differ from one to the next."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nfield.render.rendered import Rendered


class Appearance(nn.Module):
    r"""An affine map of colours for each photo; their mean is the identity.

    Formula
        the light that photo $i$ sees is $A_i c + b_i$ for the field's $c$. It commutes with
        compositing, so rays of colour $C$ and opacity $O$ become $A_i C + O\,b_i$.
        $(A_i\,|\,b_i) = (I\,|\,0) + M_i - \bar M$ with a parameter $M_i$, 0 to begin with: views
        without a map, such as held-out ones, are of mean appearance.
    Shape
        maps ``(C, 3, 4)``
    Source
        Rematas et al. 2022, Urban Radiance Fields, arXiv:2111.14643 (a map of colours for
        each image), with free maps in place of a network of latents

    Args:
        count: Number of photos.
    """

    def __init__(self, count: int):
        super().__init__()
        self.maps = nn.Parameter(torch.zeros(count, 3, 4))

    def forward(self, view: Tensor, rendered: Rendered) -> Rendered:
        """Rays ``(R,)`` as the photos ``view (R,)`` show them."""
        maps = torch.eye(3, 4, device=self.maps.device) + self.maps - self.maps.mean(0)
        chosen = maps.flatten(1).index_select(0, view).view(-1, 3, 4)
        light = torch.cat([rendered.color, rendered.opacity[:, None]], 1)
        color = (chosen * light[:, None, :]).sum(2)
        return Rendered(color, rendered.opacity, rendered.depth)
