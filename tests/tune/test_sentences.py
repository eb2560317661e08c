"""What two prompts say differently, and the sentences about it."""

from pathlib import Path

import pytest

from overpaint.errors import UsageError
from overpaint.tune.sentences import (
    MOST,
    Difference,
    difference,
    filled,
    read_sentences,
    shipped,
    sides_of,
    spread,
    with_article,
)


@pytest.mark.parametrize(
    ("source", "target", "bare", "phrases"),
    [
        ("a photo of a cat on grass", "a photo of a dog on grass", ("cat", "dog"), ("a cat", "a dog")),
        ("a red ball on sand", "a blue ball on sand", ("red", "blue"), ("a red ball", "a blue ball")),
        ("a cat", "a fluffy cat", ("", "fluffy"), ("a cat", "a fluffy cat")),
        ("a cat on grass", "a cat", ("on grass", ""), ("a cat on grass", "a cat")),
        ("a ball on grass at noon", "a ball on snow at noon", ("grass", "snow"), ("grass", "snow")),
        ("two dogs, asleep", "two cats, asleep", ("dogs", "cats"), ("two dogs", "two cats")),
        ("a red ball and a blue cube", "a blue ball and a red cube", None, None),
        ("cat", "dog", ("cat", "dog"), ("cat", "dog")),
        ("a cat", "A cat", ("", ""), ("a cat", "a cat")),
    ],
)
def test_what_differs_is_found_with_the_phrase_around_it(
    source: str, target: str, bare: tuple[str, str] | None, phrases: tuple[str, str] | None
) -> None:
    expected = (
        Difference(bare, phrases)
        if bare and phrases
        else Difference(("red ball and a blue", "blue ball and a red"), (source, target))
    )
    assert difference(source, target) == expected


def test_there_are_as_many_sentences_as_published_and_none_twice() -> None:
    every = shipped()
    assert len(set(every)) == len(every) == 1000
    assert all(one.count("{}") == 1 and one == " ".join(one.split()) for one in every)
    assert len({one.split("{}")[1] for one in spread(every, 40)}) > 20, "a few are of many kinds"
    assert spread(every, 5000) == every and len(set(spread(every, 7))) == 7


def test_blanks_are_filled_also_with_nothing() -> None:
    assert filled(["a {} ball", "{} on sand"], "red") == ["a red ball", "red on sand"]
    assert filled(["a {} ball"], "") == ["a ball"]


KINDS = {"red": "colour", "blue": "colour", "ball": "kind"}
OWN = {"colour": ["a {} ring", "a {} cone"], "": ["{} on sand"]}


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("a red ball", "a blue ball", (["a red ring", "a red cone"], ["a blue ring", "a blue cone"])),
        ("a ball", "a red ball", (["a ring", "a cone"], ["a red ring", "a red cone"])),
        ("a red ball", "a blue thing", (["a red ball on sand"], ["a blue thing on sand"])),
        ("a cat", "a dog", (["a cat on sand"], ["a dog on sand"])),
    ],
)
def test_a_models_own_sentences_come_first(
    source: str, target: str, expected: tuple[list[str], list[str]]
) -> None:
    assert sides_of(OWN, KINDS, difference(source, target), 200) == expected


def test_without_any_the_shipped_ones_are_taken() -> None:
    one, other = sides_of({}, {}, difference("a cat", "a dog"), 12)
    assert len(one) == len(other) == 12
    assert [a.replace("a cat", "a dog") for a in one] == other


@pytest.mark.parametrize(
    ("words", "expected"),
    [("cat", "a cat"), ("owl", "an owl"), ("a cat", "a cat"), ("two cats", "two cats"), ("cats", "cats"),
     ("glass", "a glass"), (" red  ball ", "a red ball")],
)  # fmt: skip
def test_a_word_gets_an_article(words: str, expected: str) -> None:
    assert with_article(words) == expected


@pytest.mark.parametrize("words", ["", "  "])
def test_no_word_is_a_sentence(words: str) -> None:
    with pytest.raises(UsageError, match="A direction leads from words to words"):
        with_article(words)


def test_sentences_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "cats.txt"
    file.write_text("a cat \n\n a   cat asleep\n", encoding="utf-8")
    assert read_sentences(file) == ["a cat", "a cat asleep"]
    file.write_text("a cat\n" * MOST)
    assert len(read_sentences(file)) == MOST


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "holds no sentence, but a direction is a mean over several"),
        (b"\n \n", "holds no sentence"),
        (b"a cat\n", "holds one sentence, but"),
        (b"a cat\n" * (MOST + 1), f"holds {MOST + 1} sentences, more than {MOST}; leave some out"),
        (b"\xff\xfe\x00", "is no text; write sentences into it"),
        (b"a cat\n" + b"x" * 5000, "Sentence 2 of .* is none that a model could read"),
        (b"a cat\na \x1b[2Jcat", "Sentence 2 of"),
    ],
)
def test_files_that_do_not_do_are_a_sentence_each(tmp_path: Path, data: bytes, said: str) -> None:
    file = tmp_path / "cats.txt"
    file.write_bytes(data)
    with pytest.raises(UsageError, match=said):
        read_sentences(file)


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_sentences(tmp_path / "none.txt")
