"""Two tasks after one another: each has its share of the budget, and both keep their state."""

from __future__ import annotations

import pytest
import torch

from nfield.train.step import Step
from nfield.train.succession import Succession


class Noting:
    """A task that notes the progress it is given."""

    def __init__(self, name: str):
        self.model = name
        self.seen: list[float] = []

    def loss(self, step: Step):
        self.seen.append(step.progress)
        return torch.zeros(()), {"step": step.number}

    def penalty(self, step: Step):
        return torch.tensor(step.progress) if self.model == "second" else None

    def state(self):
        return {"seen": torch.tensor(self.seen)}, {"count": len(self.seen)}

    def restore(self, tensors, meta) -> None:
        self.seen = tensors["seen"].tolist()
        assert len(self.seen) == meta["count"]


def test_each_task_sees_its_own_share_of_the_budget() -> None:
    first, second = Noting("first"), Noting("second")
    both = Succession(first, second, 0.75)
    generator = torch.Generator()
    records = [both.loss(Step(i, i / 8, generator))[1]["step"] for i in range(9)]
    assert records == list(range(9))
    assert first.seen == pytest.approx([0, 1 / 6, 1 / 3, 1 / 2, 2 / 3, 5 / 6])
    assert second.seen == pytest.approx([0, 0.5, 1])
    assert both.model == "first"


def test_the_penalty_is_that_of_the_task_at_work() -> None:
    both = Succession(Noting("first"), Noting("second"), 0.75)
    generator = torch.Generator()
    assert both.penalty(Step(0, 0.5, generator)) is None
    assert float(both.penalty(Step(0, 0.875, generator))) == pytest.approx(0.5)


def test_states_come_back_to_their_task() -> None:
    first, second = Noting("first"), Noting("second")
    first.seen, second.seen = [0.25, 0.5], [0.75]
    tensors, values = Succession(first, second, 0.5).state()
    again = Noting("first"), Noting("second")
    Succession(*again, 0.5).restore(tensors, {**values, "step": 3})
    assert [task.seen for task in again] == [first.seen, second.seen]
