from dataclasses import replace
from typing import ClassVar

import pytest
from tests.kit import shared

from overpaint.bench.portfolio import helped
from overpaint.bench.run import planned
from overpaint.bench.still_life import cases
from overpaint.bench.variant import able, variants
from overpaint.card import Card, Need
from overpaint.errors import UsageError
from overpaint.methods.sdedit import SDEdit
from overpaint.model import Model

MODEL = shared()


Names = tuple[str, ...]


def titles(*given: str, inversions: Names = (), gifts: Names = (), **sets: str) -> list[str]:
    return [one.title for one in variants(given, inversions, sets, MODEL, gifts)]


class Masked(SDEdit):
    """A method that works inside a mask alone."""

    card: ClassVar[Card] = replace(SDEdit.card, needs=SDEdit.card.needs | {Need.MASK})


def test_methods_are_taken_over_inversions_where_they_have_one() -> None:
    assert titles("p2p", "sdedit") == ["p2p direct", "sdedit"]
    assert titles("p2p", "sdedit", inversions=("ddim", "direct")) == ["p2p ddim", "p2p direct", "sdedit"]


def test_options_reach_the_methods_that_have_them() -> None:
    made = variants(["p2p", "sdedit"], [], {"steps": "7", "strength": "0.5"}, MODEL)
    assert [one.title for one in made] == ["p2p direct steps=7", "sdedit steps=7 strength=0.5"]
    assert [one.options["steps"] for one in made] == [7, 7]
    assert made[0].options["guidance"] == MODEL.guidance


def test_an_inversion_that_hangs_on_the_prompts_is_none_of_the_title(still_life: Model) -> None:
    def title(*inversions: str, **sets: str) -> str:
        (made,) = variants(["p2p"], inversions, sets, still_life)
        return made.title

    assert title() == "p2p" and title(steps="2") == "p2p steps=2"
    assert title("direct") == "p2p direct" and title(tuned="published") == "p2p direct tuned=published"
    assert title(**{"inversion.every": "2"}) == "p2p direct inversion.every=2"


def test_options_of_an_inversion_reach_that_inversion() -> None:
    made = variants(["p2p"], ["direct", "null-text"], {"inversion.inner": "3"}, MODEL)
    assert [one.title for one in made] == ["p2p direct", "p2p null-text inversion.inner=3"]
    assert made[1].options["inversion"]["inner"] == 3


def test_all_stands_for_what_edits_by_a_prompt() -> None:
    found = [one.method for one in variants(["all"], [], {}, MODEL)]
    assert {"p2p", "sdedit", "ddim"} <= {*found} and "generate" not in found


def test_words_are_given_where_that_is_asked_for_and_can_be_used() -> None:
    assert titles("p2p", "sdedit", gifts=("words",)) == ["p2p direct given words", "sdedit"]
    assert titles("sdedit", gifts=("map",)) == ["sdedit given map"]
    one, other = titles("sega", "ledits++", gifts=("concepts",))
    assert (one, other) == ("sega ddim given concepts", "ledits++ edit-friendly")
    assert titles("p2p") == ["p2p direct"]


def test_side_networks_speak_into_every_method(still_life: Model) -> None:
    (p2p, sdedit) = variants(["p2p", "sdedit"], [], {"control": "canny:0.8; depth"}, still_life)
    assert p2p.title == "p2p control=canny:0.8; depth" and sdedit.controls == ["canny:0.8", "depth"]
    canny, depth = p2p.options["control"]
    assert canny["scale"] == 0.8 and canny["weights"] != depth["weights"]
    (case,) = cases(limit=1)
    job = planned(still_life, case, case.pictures(), sdedit)
    assert [one.how.net for one in job.asked.controls] == ["canny", "depth"] and len(job.beside.sides) == 2
    assert helped({"said": p2p.said}) and not helped({"said": {}})
    with pytest.raises(UsageError, match="There is no side network 'cany'"):
        variants(["p2p"], [], {"control": "cany"}, still_life)


def test_a_method_that_needs_a_mask_needs_the_region() -> None:
    with pytest.raises(UsageError, match="needs a mask; give it the true region with --give region"):
        able(Masked, MODEL, ())
    assert able(Masked, MODEL, ("region",)) is Masked


@pytest.mark.parametrize(
    ("given", "inversions", "sets", "gifts", "sentence"),
    [
        (["p2q"], [], {}, (), "There is no method 'p2q'; did you mean 'p2p'?"),
        (["p2p"], ["dirct"], {}, (), "There is no inversion 'dirct'; did you mean 'direct'?"),
        (["p2p"], [], {"cros_replace": "1"}, (), "no option 'cros_replace' .* did you mean 'cross_replace'"),
        (["p2p"], ["direct"], {"inversion.inner": "3"}, (), "no option 'inversion.inner'"),
        (["p2p"], [], {"steps": "0"}, (), "The option 'steps' must be"),
        (["sdedit"], ["direct"], {}, (), "None of the chosen methods uses an inversion"),
        (["generate"], [], {}, (), "The method 'generate' does not edit a picture by a prompt"),
        (["sega"], [], {}, (), "does not edit a picture by a prompt; give it --give concepts"),
        (["p2p"], [], {}, ("regoin",), "cannot be given 'regoin'; did you mean 'region'"),
    ],
)
def test_what_cannot_be_is_refused(
    given: list[str], inversions: list[str], sets: dict[str, str], gifts: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        variants(given, inversions, sets, MODEL, gifts)


def test_a_method_that_takes_a_prompt_or_something_in_its_place_is_measured_by_prompts() -> None:
    assert titles("pix2pix-zero") == ["pix2pix-zero regularised"]
    with pytest.raises(UsageError, match="does not edit a picture by a prompt"):
        titles("p-plus")
