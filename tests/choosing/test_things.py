from collections.abc import Sequence

import pytest

from overpaint.choosing.signals import SIGNALS, ground, signals
from overpaint.choosing.things import SIGNALS as OF_THINGS
from overpaint.choosing.things import Thing, nouns, said, stayed, things
from overpaint.families.locate import SHIPPED
from overpaint.network import Pixels
from overpaint.run.loading import load
from overpaint.sides import segmenter
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import KINDS, Scene
from overpaint.stilllife.scene import Thing as Drawn

SEGMENTER = segmenter.load(SHIPPED["still-life"] / segmenter.FOLDER)
WORDS = {**dict.fromkeys(KINDS, "kind"), "red": "colour", "grass": "ground"}
BALL, CUBE, CONE = Drawn("ball", "red", x=34), Drawn("cube", "blue", x=94), Drawn("cone", "cyan", x=94)
WELL = {"places": 0, "shapes": 1, "things": 0}
BOTH, ONE = "a red ball and a blue cube on grass", "a red ball on grass"


def drawn(*some: Drawn) -> Pixels:
    return render([Scene(some)]) * 2 - 1


def seen(*some: Drawn) -> list[Thing]:
    return things(SEGMENTER, nouns(SEGMENTER.palette.names, WORDS), drawn(*some))


def told(before: Sequence[Drawn], after: Sequence[Drawn], source: str, target: str) -> dict[str, float]:
    return stayed(seen(*before), seen(*after), said(source, WORDS), said(target, WORDS))


def test_things_are_found_by_name_and_place() -> None:
    ball, cube = sorted(seen(BALL, CUBE), key=lambda thing: thing.foot)
    assert (ball.name, cube.name) == ("ball", "cube")
    assert ball.foot == pytest.approx((34 / 128, 104 / 128), abs=0.03)
    assert said(f"{BOTH}, a ball", WORDS) == {"ball": 2, "cube": 1}


def test_what_stays_where_it_was_is_well() -> None:
    assert told((BALL, CUBE), (BALL, CUBE), BOTH, BOTH) == WELL
    turned = told((BALL, CUBE), (BALL, CONE), BOTH, "a red ball and a blue cone on grass")
    assert turned == pytest.approx(WELL, abs=0.05)


def test_what_moves_vanishes_or_comes_unasked_is_told() -> None:
    moved = told((BALL,), (Drawn("ball", "red", x=74),), ONE, ONE)
    assert moved["places"] == pytest.approx(-40 / 128, abs=0.02) and moved["shapes"] < 0.5
    assert told((BALL, CUBE), (BALL,), BOTH, BOTH)["things"] == -1
    assert told((BALL,), (BALL, CUBE), ONE, ONE)["things"] == -1


def test_what_was_asked_for_counts_as_asked() -> None:
    assert told((BALL, CUBE), (BALL,), BOTH, ONE) == pytest.approx(WELL, abs=0.02)
    assert told((BALL,), (BALL, CUBE), ONE, BOTH)["things"] == 0
    assert told((BALL, CUBE), (BALL, CUBE), BOTH, ONE)["things"] == -1


def test_a_picture_of_nothing_has_nothing_to_move() -> None:
    nothing, ball = said("", WORDS), said(ONE, WORDS)
    assert stayed([], [], nothing, nothing) == WELL
    assert stayed(seen(BALL), [], ball, ball) == {"places": -1, "shapes": 0, "things": -1}


def test_they_are_signals_of_a_model_with_a_segmenter() -> None:
    model = load("still-life")
    given = ground(model, drawn(BALL, CUBE), BOTH, BOTH)
    assert signals(model, given, drawn(BALL, CUBE)).keys() == SIGNALS.keys() > OF_THINGS.keys()
