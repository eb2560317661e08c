"""The contract itself must be able to fail: methods that break one promise each."""

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import ClassVar

import pytest
import torch

from overpaint.attention import Control
from overpaint.card import Card, Cost, Law
from overpaint.contract import CHECKS, BrokenContract, check_method
from overpaint.methods.generate import Generate
from overpaint.methods.sdedit import SDEdit
from overpaint.model import Model
from overpaint.path import Latent
from overpaint.task import Task


def free(options: object) -> Cost:
    return Cost.of(1)


class Sloppy(Generate):
    """Options without words or bounds."""

    loose: int = 3


class Costly(Generate):
    """Says it is free."""

    card: ClassVar[Card] = replace(Generate.card, cost=free)


class Steady(Generate):
    """Says that the seed does not matter."""

    card: ClassVar[Card] = replace(Generate.card, random=False)


class Promising(SDEdit):
    """Promises the picture back."""

    card: ClassVar[Card] = replace(SDEdit.card, law=Law.EXACT)


class Gambler(Generate):
    """Draws from the global random state."""

    def __call__(self, model: Model, task: Task) -> Latent:
        return super().__call__(model, task) + torch.randn(task.shape)


LITTER: list[AbstractContextManager[None]] = []


class Litterer(Generate):
    """Leaves a control attached (and keeps it from being collected, which would detach it)."""

    def __call__(self, model: Model, task: Task) -> Latent:
        LITTER.append(model.control(Control()))
        LITTER[-1].__enter__()
        return super().__call__(model, task)


class Vandal(Generate):
    """Changes the weights."""

    def __call__(self, model: Model, task: Task) -> Latent:
        next(model.net.parameters()).data += 1
        return super().__call__(model, task)


class Wild(Generate):
    """Gives numbers that are none."""

    def __call__(self, model: Model, task: Task) -> Latent:
        return super().__call__(model, task) * float("nan")


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (Sloppy, "documented"),
        (Costly, "cost equals the card"),
        (Steady, "same seed, same bits"),
        (Promising, "same-prompt law"),
        (Gambler, "no global random state"),
        (Litterer, "leaves the model as found"),
        (Vandal, "leaves the model as found"),
        (Wild, "runs"),
    ],
)
def test_a_broken_promise_is_found(kind: type[Generate], check: str) -> None:
    with pytest.raises(BrokenContract):
        CHECKS[check](kind, "sd1")


class Narrow(SDEdit):
    """Declares one family, to keep this short."""

    card: ClassVar[Card] = replace(SDEdit.card, families={"sd1": {}})


def test_a_good_method_passes_whole() -> None:
    check_method(Narrow)
