"""What is left of a prompt when one of its things is taken away."""

import pytest

from overpaint.errors import UsageError
from overpaint.run.without import without

TWO = "a photo of a small red ball left of a large blue house on grass at noon"


@pytest.mark.parametrize(
    ("prompt", "thing", "left"),
    [
        (TWO, "ball", "a photo of a large blue house on grass at noon"),
        (TWO, "blue house", "a photo of a small red ball on grass at noon"),
        ("a photo of a cat on a sofa", "cat", "a photo on a sofa"),
        ("A dog and a Cat next to a red car, oil painting", "cat", "a dog next to a red car , oil painting"),
        ("a dog and a cat next to a red car", "dog", "a cat next to a red car"),
        ("at noon , a red ball beside a blue cube on grass", "cube", "at noon , a red ball on grass"),
        ("a woman with a hat in a park", "hat", "a woman in a park"),
        ("a red ball , a cube left of a house", "ball", "a cube left of a house"),
    ],
)
def test_the_phrase_goes_with_what_joins_it(prompt: str, thing: str, left: str) -> None:
    assert without(prompt, thing) == left


@pytest.mark.parametrize(
    ("prompt", "thing", "said"),
    [
        ("a cat on a sofa", "dog", "no thing is called 'dog'"),
        ("a cat on a sofa", "sofa", "no thing is called 'sofa'"),
        ("a cat on a sofa", "", "no thing is called ''"),
        ("a red cat", "cat", "nothing is left of 'a red cat'"),
        ("a cat and", "cat", "nothing is left"),
    ],
)
def test_what_cannot_be_taken_away_is_said(prompt: str, thing: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        without(prompt, thing)
