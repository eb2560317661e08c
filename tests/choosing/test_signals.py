from dataclasses import replace

import pytest
from tests.comparing.kit import small
from tests.kit import shared

from overpaint.choosing.signals import NEAREST, ROWS, SIGNALS, ground, signals
from overpaint.choosing.things import SIGNALS as OF_THINGS
from overpaint.families.tiny import tiny_eye
from overpaint.images import to_tensor
from overpaint.meter import Meter
from overpaint.model import Model
from overpaint.options import Suits

OLD, NEW = "a red cat on grass", "a blue cat on grass"
COLOURS = ("red", "blue", "green", "white", "black", "purple", "yellow", "cyan")
PIXELS = to_tensor(small())
OTHER = PIXELS.flip(-1)


def seeing() -> Model:
    """The tiny model with a CLIP beside it, and some words that are known to be colours."""
    eye = tiny_eye()
    return replace(shared(), open_eye=lambda: eye, suits=Suits(words=dict.fromkeys(COLOURS, "colour")))


def test_an_edit_that_changed_nothing_kept_all_and_turned_to_neither_side() -> None:
    model = seeing()
    given = ground(model, PIXELS, OLD, NEW)
    found = signals(model, given, PIXELS)
    assert found.keys() == SIGNALS.keys() - OF_THINGS.keys(), "there is no segmenter that would know things"
    assert found["kept_elsewhere"] == 100 and found["changed_there"] == 0 == found["clip_turn"]
    assert found["outlines"] == pytest.approx(1) and found["focus"] == 0
    assert found["rival"] <= found["belief"] and found["clip_rival"] < 0
    assert len(given.prompts) > 2 and given.prompts[:2] == (NEW, OLD)


def test_what_speaks_for_the_target_speaks_against_the_source() -> None:
    model = shared()  # without a CLIP the source prompt is the only rival
    there, back = (
        signals(model, ground(model, PIXELS, one, two), OTHER) for one, two in ((OLD, NEW), (NEW, OLD))
    )
    assert there["belief"] == there["rival"] == pytest.approx(-back["belief"], abs=1e-6) != 0
    assert not any(name.startswith("clip") for name in there)
    assert there["changed_there"] > 0 and there["outlines"] < 1


def test_looking_at_an_edit_asks_for_few_rows() -> None:
    model = seeing()
    given = ground(model, PIXELS, OLD, NEW)
    with model.metered(Meter()) as meter:
        signals(model, given, OTHER)
    assert meter.rows == 0, "the rows of looking are not those of an edit"
    told = replace(given, prompts=given.prompts[:2], wishes=None, seen=None)
    assert signals(model, told, OTHER)["belief"] == pytest.approx(
        signals(model, given, OTHER)["belief"], abs=1e-5
    )
    assert len(given.texts) <= 2 + NEAREST and ROWS < 25
