"""A look at an edit on the way."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from tests.comparing.kit import SOURCE, TARGET, small
from tests.kit import shared
from torch import Tensor

from overpaint.choosing.early import EARLY, SHARE, Unpromising, Watch, at_of
from overpaint.choosing.signals import Ground, ground
from overpaint.run.auto import framed


@pytest.fixture(scope="module")
def given() -> Ground:
    """With a map in which only the left half should change: an untrained network knows no place."""
    found = ground(shared(), framed(shared(), small()), SOURCE, TARGET)
    where = torch.zeros_like(found.map)
    where[:, : where.shape[1] // 2] = 1
    return replace(found, map=where)


def beliefs(given: Ground, *, inside: float, outside: float) -> Tensor:
    """The picture, moved by so much where the prompts part, and by so much elsewhere."""
    return given.x0 + torch.where(given.should, inside, outside)


def test_what_goes_where_it_should_is_told_from_what_goes_elsewhere(given: Ground) -> None:
    found = list[float]()
    for inside, outside in ((1.0, 0.0), (0.5, 0.5), (0.0, 1.0)):
        watch = Watch(given)
        for _ in range(4):
            watch(beliefs(given, inside=inside, outside=outside))
        found.append(watch.signals[EARLY])
    assert found[0] > found[1] > found[2] and found[1] == pytest.approx(0)


def test_it_looks_after_a_third_of_the_steps(given: Ground) -> None:
    watch = Watch(given)
    for step in range(20):
        watch(beliefs(given, inside=float(step), outside=0.0))
    assert watch.signals[EARLY] == watch.found[6] and at_of(20) == SHARE * 20
    assert (at_of(1), at_of(0)) == (1, 0) and Watch(given).signals == {}


@pytest.mark.parametrize(
    ("least", "stops"), [(-0.5, [False, False]), (0.5, [True, False]), (9.0, [True, True])]
)
def test_what_looks_bad_is_given_up_at_that_step_and_no_other(
    given: Ground, least: float, stops: Sequence[bool]
) -> None:
    for (inside, outside), stop in zip(((0.5, 0.5), (1.0, 0.0)), stops, strict=True):
        watch, x0 = Watch(given, least, at=2), beliefs(given, inside=inside, outside=outside)
        watch(x0)
        if stop:
            with pytest.raises(Unpromising, match="given up after 2 steps"):
                watch(x0)
        else:
            watch(x0)
        watch(x0)


def test_what_is_no_latent_of_the_picture_is_not_looked_at(given: Ground) -> None:
    watch = Watch(given, 99.0, at=1)
    watch(torch.zeros(1, 3, 64, 64))
    assert watch.found == [] and watch.signals == {}
