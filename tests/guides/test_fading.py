"""How much of a negative prompt counts: the published schedules."""

from dataclasses import replace

import pytest
import torch
from tests.kit import draw, gap, told

from overpaint.guides import CFG
from overpaint.guides.fading import NEGATIVE, Fade, Faded
from overpaint.network import Text
from overpaint.path import Path, Prediction

EMPTY, NOT, WISH = (Text(torch.full((1, 2, 3), float(k))) for k in range(3))


def shares(schedule: str, steps: int = 5, alpha: float = 0.5) -> list[float]:
    fade = Fade.model_validate({"alpha": alpha, "schedule": schedule})
    return [fade.share(i, steps) for i in range(steps)]


def test_shares_are_those_of_the_published_schedules() -> None:
    assert shares("constant") == [0.5] * 5
    assert shares("linear") == pytest.approx([0.5, 0.375, 0.25, 0.125, 0])
    assert shares("exp") == pytest.approx([0.5 * float(torch.tensor(-1.5 * i).exp()) for i in range(5)])


@pytest.mark.parametrize("schedule", ["constant", "linear", "exp"])
def test_the_first_step_has_all_of_it_however_many_follow(schedule: str) -> None:
    assert [shares(schedule, steps)[0] for steps in (1, 2, 50)] == [0.5, 0.5, 0.5]


def test_its_rows_are_those_of_the_guide_inside_and_the_negative_one() -> None:
    lines = Faded(CFG(WISH, EMPTY, 3.0), NOT, 3.0, Fade(alpha=1)).lines(0)
    assert [line.sign for line in lines] == ["-", "+", NEGATIVE]
    assert [line.text for line in lines] == [EMPTY, WISH, NOT]


@pytest.mark.parametrize("skipped", [0, 2])
def test_steps_that_are_skipped_count_as_taken(skipped: int) -> None:
    """As for windows, which are shares of the whole path."""
    path = replace(Path.flow(3), whole=3 + skipped)
    names = ("-", "+", NEGATIVE)
    own = {n: Prediction(*draw(2, 1, 4, 2, 2, seed=k).double()) for k, n in enumerate(names)}
    fade = Fade(alpha=0.8, schedule="linear")
    guide = Faded(CFG(WISH, EMPTY, 3.0), NOT, 3.0, fade)
    a = fade.share(1 + skipped, 3 + skipped)
    base = a * own["-"].eps + (1 - a) * own[NEGATIVE].eps
    made = guide.combine(own, told(own["-"].eps, own, 1, path)).eps
    assert gap(made, base + 3.0 * (own["+"].eps - base)) < 1e-12
