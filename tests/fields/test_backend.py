"""The backend of a field: which parts it takes over, and what is refused."""

from __future__ import annotations

import pytest

from nfield.config import defaults
from nfield.errors import InputError
from nfield.fields.backend import use_tcnn
from nfield.fields.build import build
from nfield.ops import hash_grid, mlp, tcnn
from tests.fields.small import small


def test_the_parts_it_can_compute_are_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcnn, "installed", lambda: True)
    field = build(small("ngp"))
    assert field.encoding.operation is hash_grid.hash_grid
    assert field.density_network.operation is mlp.mlp
    use_tcnn(field, "cuda")
    assert field.encoding.operation is tcnn.hash_grid
    takes = tcnn.takes(field.density_network.shape)
    assert field.density_network.operation is (tcnn.mlp if takes else mlp.mlp)


def test_what_it_cannot_do_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    field = build(small("ngp"))
    with pytest.raises(InputError, match="backend: tcnn must have a GPU, got cpu; add --device"):
        use_tcnn(field, "cpu")
    monkeypatch.setattr(tcnn, "installed", lambda: False)
    with pytest.raises(InputError, match="tcnn must be installed, got none; pip install git"):
        use_tcnn(field, "cuda")
    monkeypatch.setattr(tcnn, "installed", lambda: True)
    with pytest.raises(
        InputError, match="a hash grid or a fused perceptron in the field, got none"
    ):
        use_tcnn(build(defaults("x", "siren"), 3), "cuda")
