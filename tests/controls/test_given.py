from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from tests.kit import shared

from overpaint.controls.given import FactorByWord, Span, SpanByWord, both_places, listed, two_sides
from overpaint.errors import UsageError

SPAN: TypeAdapter[Any] = TypeAdapter(Span)
SPANS: TypeAdapter[Any] = TypeAdapter(SpanByWord)
FACTORS: TypeAdapter[Any] = TypeAdapter(FactorByWord)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", []),
        ("cat", ["cat"]),
        ("cat,dog", ["cat", "dog"]),
        (" cat , big dog ", ["cat", "big dog"]),
        ("cat,", ["cat,"]),
        ("cat,, dog", ["cat,", "dog"]),
        ("cat,=2, dog=3", ["cat,=2", "dog=3"]),
    ],
)
def test_listed_keeps_a_comma_that_belongs_to_a_word(text: str, items: list[str]) -> None:
    assert listed(text) == items


@pytest.mark.parametrize(
    ("given", "window"),
    [(0.8, 0.8), ("0.8", 0.8), ("0.2:0.6", (0.2, 0.6)), ((0.2, 0.6), (0.2, 0.6)), ([0, 1], (0, 1)), (1, 1.0)],
)
def test_windows_in_every_form(given: Any, window: Any) -> None:
    assert SPAN.validate_python(given) == window


@pytest.mark.parametrize(
    "given", [-0.1, 1.1, "0.6:0.2", (0.6, 0.2), "soon", "0.1:", (0.1, 0.2, 0.3), float("nan")]
)
def test_impossible_windows_are_refused(given: Any) -> None:
    with pytest.raises(ValidationError):
        SPAN.validate_python(given)


def test_values_by_word_in_both_forms() -> None:
    assert FACTORS.validate_python("fluffy=2, snowy=-0.5") == {"fluffy": 2, "snowy": -0.5}
    assert FACTORS.validate_python({"fluffy": 2}) == {"fluffy": 2}
    assert FACTORS.validate_python("") == {}
    assert FACTORS.validate_python("x=y=2") == {"x=y": 2}, "the last equals sign divides"
    assert SPANS.validate_python("dog=0.4, mirror=0.2:0.6") == {"dog": 0.4, "mirror": (0.2, 0.6)}


@pytest.mark.parametrize("given", ["fluffy", "fluffy=", "=2", "fluffy=much", "fluffy=21", {"fluffy": -21}])
def test_impossible_factors_are_refused(given: Any) -> None:
    with pytest.raises(ValidationError):
        FACTORS.validate_python(given)


def test_values_by_word_survive_json() -> None:
    spans = SPANS.validate_python("dog=0.4, mirror=0.2:0.6")
    assert SPANS.validate_json(SPANS.dump_json(spans)) == spans


def test_two_sides() -> None:
    assert two_sides("cat=>dog") == (["cat"], ["dog"])
    assert two_sides("cat, tree => dog") == (["cat", "tree"], ["dog"])
    assert two_sides("cat") == (["cat"], ["cat"])


@pytest.mark.parametrize("given", ["=>", "cat=>", "=>dog", " "])
def test_a_side_without_words_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="cat=>dog"):
        two_sides(given)


def test_places_of_both_prompts() -> None:
    source, target = (shared().family.text(p).prompt for p in ("a tiger on grass", "a big tiger and dog"))
    assert both_places("", source, target) == {}
    assert both_places("tiger=>tiger, dog", source, target) == {"src": [2, 3], "tgt": [3, 4, 6]}
    with pytest.raises(UsageError, match="did you mean 'grass'"):
        both_places("gras=>dog", source, target)
