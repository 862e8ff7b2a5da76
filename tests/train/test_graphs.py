"""Recorded steps: padding, what is kept, and that a fit with them is the fit without."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from nfield.api import begin
from nfield.errors import InputError
from nfield.train.graphs import MOST, Graphs, capacity
from nfield.train.trainer import Trainer


class Recorder:
    """Stands for `torch.cuda.make_graphed_callables`: a recording takes inputs of one size."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, module: nn.Module, samples: tuple[Tensor, ...]) -> Any:
        self.sizes.append(len(samples[0]))

        def replay(*inputs: Tensor) -> Any:
            for value, sample in zip(inputs, samples, strict=True):
                assert value.shape == sample.shape
                assert value.requires_grad == sample.requires_grad
            return module(*inputs)

        return replay


class Pair(nn.Module):
    """Two values of a row."""

    def __init__(self, field: nn.Module):
        super().__init__()
        self.field = field

    def forward(self, x: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
        y = self.field(torch.cat([x, d], 1))
        return y[:, 0], y[:, 1:].exp()


@given(st.integers(0, 1 << 22))
def test_capacities_are_few_and_near(rows: int) -> None:
    room = capacity(rows)
    assert max(rows, 1) <= room <= max(rows, 1) * 9 / 8 + 1
    assert capacity(room) == room


def test_rows_are_what_they_are_without_padding() -> None:
    torch.manual_seed(0)
    field, recorder = nn.Linear(5, 4).double(), Recorder()
    graphs, whole = Graphs(field, Pair, recorder), Pair(field)
    for count in (100, 97, 100, 1):
        x = torch.randn(count, 3, dtype=torch.float64, requires_grad=True)
        d = torch.randn(count, 2, dtype=torch.float64)
        found = []
        for function in (graphs, whole):
            a, b = function(x, d)
            assert a.shape == (count,) and b.shape == (count, 3)
            loss = (a[:, None] * b).square().mean()
            found.append(
                [a, b, *torch.autograd.grad(loss, [x, field.weight, field.bias])],
            )
        # Sums of a hundred float64 terms in another order.
        for got, want in zip(*found, strict=True):
            assert_close(got, want, atol=1e-13, rtol=1e-12)
    assert recorder.sizes == [104, 1]  # 97 to 104 rows share a recording


def test_few_recordings_are_kept_and_those_of_moved_parameters_are_not() -> None:
    field, recorder = nn.Linear(2, 1), Recorder()
    graphs = Graphs(field, lambda field: field, recorder)
    sizes = [16 * (i + 1) for i in range(MOST)]
    for size in (*sizes, *sizes):
        graphs(torch.zeros(size, 2))
    assert recorder.sizes == sizes
    graphs(torch.zeros(1024, 2))
    graphs(torch.zeros(sizes[0], 2))
    assert recorder.sizes == [*sizes, 1024, sizes[0]]
    field.weight = nn.Parameter(torch.zeros(1, 2))
    graphs(torch.zeros(1024, 2))
    assert recorder.sizes[-1] == 1024 and len(recorder.sizes) == MOST + 3


def test_recording_needs_a_gpu(photos: Any, tmp_path: Any) -> None:
    with pytest.raises(InputError, match="launches must be .* on a GPU, got native on cpu"):
        begin(photos, out=tmp_path / "run", max_steps=2, set=["train.graphs=true"])


def test_a_fit_with_recordings_is_the_fit_without(
    photos: Any, tmp_path: Any, gpu: torch.device
) -> None:
    small = ["train.samples=4096", "model.log2_table=12", "train.deterministic=true"]
    losses = []
    for recorded in ("false", "true"):
        trainer: Trainer
        trainer, folder, _ = begin(
            photos,
            out=tmp_path / recorded,
            device="cuda",
            max_steps=40,
            set=[*small, f"train.graphs={recorded}"],
        )
        losses.append([trainer.train_step()["loss"] for _ in range(40)])
        folder.close()
    # Weight gradients are summed by groups of rows, which padding shifts: the last bits differ,
    # and grow a little in 40 steps.
    assert_close(torch.tensor(losses[1]), torch.tensor(losses[0]), atol=1e-4, rtol=2e-2)
