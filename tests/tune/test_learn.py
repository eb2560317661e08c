"""The learning loop: Adam as published, taken up again to the bit."""

from collections.abc import Mapping

import pytest
import torch
from tests.kit import draw
from torch import Tensor

from overpaint.errors import NotFinite
from overpaint.meter import Cancelled, Meter
from overpaint.tune.learn import learn


class Notebook:
    """A draft in memory."""

    def __init__(self) -> None:
        self.held: dict[str, Tensor] = {}

    def read(self) -> Mapping[str, Tensor]:
        return self.held

    def keep(self, found: Mapping[str, Tensor]) -> None:
        self.held = {name: t.clone() for name, t in found.items()}


def start() -> dict[str, Tensor]:
    return {"a": draw(3, 4).requires_grad_(), "b": draw(4, seed=1).requires_grad_()}


def loss_of(parameters: Mapping[str, Tensor], k: int) -> Tensor:
    return (parameters["a"] @ parameters["b"] - k).square().mean()


def test_its_updates_are_those_of_adam() -> None:
    mine, theirs, meter = start(), start(), Meter()
    losses = learn(meter, mine, lambda k: loss_of(mine, k), 6, 0.01)
    adam = torch.optim.Adam(list(theirs.values()), lr=0.01)
    for k in range(6):
        adam.zero_grad()
        value = loss_of(theirs, k)
        value.backward()  # pyright: ignore[reportUnknownMemberType]
        adam.step()  # pyright: ignore[reportUnknownMemberType]
        assert losses[k] == pytest.approx(float(value.detach()))
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert (meter.backwards, meter.updates) == (6, 6)
    assert all(p.grad is None for p in mine.values())


def test_a_rate_may_differ_at_every_update() -> None:
    mine = start()
    before = {name: p.detach().clone() for name, p in mine.items()}
    learn(Meter(), mine, lambda k: loss_of(mine, k), 3, lambda k: 0.0)
    assert all(torch.equal(mine[name], before[name]) for name in mine)


def test_a_killed_run_is_taken_up_to_the_bit() -> None:
    whole = start()
    every = learn(Meter(), whole, lambda k: loss_of(whole, k), 8, 0.02)
    book, cut = Notebook(), start()
    meter = Meter(on_tick=lambda m: m.cancel() if m.updates == 5 else None)
    with pytest.raises(Cancelled):
        learn(meter, cut, lambda k: loss_of(cut, k), 8, 0.02, draft=book)
    again, after = start(), Meter()
    losses = learn(after, again, lambda k: loss_of(again, k), 8, 0.02, draft=book)
    assert losses == pytest.approx(every, abs=0)
    assert all(torch.equal(again[name], whole[name]) for name in whole)
    assert 0 < after.updates < 8


def test_a_draft_of_something_else_is_left_aside() -> None:
    book, mine, other = Notebook(), start(), start()
    book.keep({"losses": torch.zeros(3), "value.c": torch.zeros(1)})
    assert learn(Meter(), mine, lambda k: loss_of(mine, k), 2, 0.1, draft=book) == learn(
        Meter(), other, lambda k: loss_of(other, k), 2, 0.1
    )


def test_learning_that_diverges_says_where_and_at_which_rate() -> None:
    mine = start()
    with pytest.raises(NotFinite, match=r"update 2: the learning rate 0\.5 is too high"):
        learn(Meter(), mine, lambda k: loss_of(mine, k) * (1.0 if k < 1 else float("nan")), 5, 0.5)
