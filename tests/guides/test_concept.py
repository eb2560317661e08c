"""What users say about concepts, and what they are told when it is not enough."""

from typing import Any

import pytest
from pydantic import ValidationError

from overpaint.errors import UsageError
from overpaint.guides.concept import Concept, some
from overpaint.methods.sega import Sega
from overpaint.run.resolve import resolve


def concepts(*said: Any) -> tuple[Concept, ...]:
    return Sega.model_validate({"concept": said}).concept


def test_a_concept_is_words_with_a_sign_and_a_strength() -> None:
    one, other = concepts("+sunglasses:3", "- long beard : 2.5;threshold=0.8; warmup=4")
    assert (one.text, one.sign, one.strength, one.scale, one.called) == (
        "sunglasses",
        "+",
        3.0,
        3.0,
        "+sunglasses",
    )
    assert (other.text, other.scale, other.threshold, other.warmup) == ("long beard", -2.5, 0.8, 4)
    assert (one.threshold, one.cooldown, one.weight) == (None, None, 1.0)


def test_one_alone_needs_no_list() -> None:
    for alone in ("+hat:2", {"text": "hat", "sign": "+", "strength": 2}, concepts("+hat:2")[0]):
        assert Sega.model_validate({"concept": alone}).concept == concepts("+hat:2")


def test_words_may_hold_colons_and_signs() -> None:
    (one,) = concepts("+a sign: stop-and-go:4")
    assert (one.text, one.strength) == ("a sign: stop-and-go", 4.0)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("sunglasses:3", r"'sunglasses:3' has no sign; write \+sunglasses:3 to add it"),
        ("", "has no words"),
        ("sunglasses", "has no sign"),
        ("+sunglasses", r"'\+sunglasses' has no strength; write it behind a colon: \+sunglasses:5"),
        ("+sunglasses:", r"has no strength; write it behind a colon: \+sunglasses:5"),
        ("+:3", "has no words"),
        ("+dog:0", "must be a number above 0 and at most 50"),
        ("+dog:-3", "its sign stands in front"),
        ("+dog:nan", "must be a number above 0"),
        ("+dog:inf", "must be a number above 0"),
        ("+dog:1e9", "must be a number above 0"),
        ("+dog:much", "must be a number above 0"),
        ("+dog:5;foo=3", "'foo=3' in the concept '.*' means nothing"),
        ("+dog:5;weight", "means nothing"),
        ({"text": "dog", "strength": 2}, "the concept 'dog' has no sign"),
        ({"text": "dog", "sign": "+"}, "the concept 'dog' has no strength"),
        ({"sign": "+", "strength": 2}, "has no text"),
    ],
)
def test_what_is_wrong_is_one_sentence(said: Any, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as error:
        resolve(Sega, {"concept": [said]}, {}, "the method 'sega'")
    assert str(error.value).startswith("The option 'concept' is wrong: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("+dog:5;threshold=3", "'threshold' must be a number from 0 to 1, not '3'"),
        ({"text": "dog", "sign": "*", "strength": 2}, "'sign' must be one of"),
        ({"text": "dog", "sign": "+", "strength": 99}, "'strength' must be a number"),
        ({"text": "dog", "sign": "+", "strength": 9, "foo": 1}, "no option 'foo' for entry 2 of 'concept'"),
        (7, "must be"),
    ],
)
def test_a_field_out_of_range_is_named(said: Any, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        resolve(Sega, {"concept": ["+cat:1", said]}, {}, "the method 'sega'")


def test_none_at_all_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="There is no concept; say what to add or to take away"):
        some(())
    assert some(concepts("+hat:2")) == concepts("+hat:2")


def test_they_are_written_as_they_are_said() -> None:
    said = ["+hat:2", "-long beard:0.125;threshold=0.8;cooldown=7"]
    assert list(Sega.model_validate({"concept": said}).model_dump()["concept"]) == said
    odd = {"text": "a;b=1", "sign": "+", "strength": 2.0}
    for one in (odd, *said, "+x:2;threshold=1", "+x:2;warmup=0;weight=0.5"):
        method = Sega.model_validate({"concept": [one]})
        assert Sega.model_validate_json(method.model_dump_json()) == method


def test_a_concept_cannot_be_changed() -> None:
    (one,) = concepts("+hat:2")
    with pytest.raises(ValidationError):
        one.strength = 3.0  # pyright: ignore[reportAttributeAccessIssue]
