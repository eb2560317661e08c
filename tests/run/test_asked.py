import pytest

from overpaint.bench.still_life import cases
from overpaint.run.asked import asked, phrases, worded
from overpaint.stilllife.words import MEANINGS

KINDS = {word: meaning.attribute for word, meaning in MEANINGS.items()}


@pytest.mark.parametrize(
    ("source", "target", "kind"),
    [
        ("a cat on the grass", "a cat on the grass", "same"),
        ("A cat on the Grass.", "a cat on the grass", "same"),
        ("a cat on the grass", "a dog on the grass", "thing"),
        ("a red cat", "a blue dog", "thing"),
        ("a red cat", "a blue cat", "attribute"),
        ("a cat", "a fluffy cat", "attribute"),
        ("a fluffy cat", "a cat", "attribute"),
        ("a cake on a table", "a cake and a candle on a table", "added"),
        ("a man with a hat", "a man", "removed"),
        ("a cat left of a dog", "a dog left of a cat", "order"),
        ("a house at night", "a house at noon", "surroundings"),
        ("a house", "a house in winter", "surroundings"),
        ("a photo of a cat", "a watercolour painting of a cat", "style"),
        ("a house", "a house, oil painting", "style"),
        ("a photo of a cat at night", "a drawing of a cat at noon", "mixed"),
        ("a red cat at night", "a blue cat at noon", "mixed"),
    ],
)
def test_the_kind_of_difference_is_read_from_any_prompts(source: str, target: str, kind: str) -> None:
    assert asked(source, target) == (kind,)


def test_what_a_model_knows_of_its_words_makes_it_finer() -> None:
    colours = {"red": "colour", "blue": "colour"}
    assert asked("a red cat", "a blue cat", colours) == ("attribute.colour", "attribute")
    assert asked("a red cat", "a green cat", colours) == ("attribute.colour", "attribute")
    assert asked("a red cat", "a large cat", {**colours, "large": "size"}) == ("attribute",)


def test_phrases_are_runs_between_small_words() -> None:
    words = worded("a colour photograph of a small red ball left of a cube on grass at night")
    assert [(" ".join(words[p.start : p.stop]), p.kind) for p in phrases(words)] == [
        ("colour photograph", "style"),
        ("small red ball", "thing"),
        ("cube", "thing"),
        ("grass", "surroundings"),
        ("night", "surroundings"),
    ]


def test_every_type_of_the_benchmark_is_told_from_its_prompts() -> None:
    found: dict[str, set[str]] = {}
    for case in cases("fresh:3"):
        found.setdefault(case.kind, set()).add(asked(case.source_prompt, case.target_prompt, KINDS)[0])
    assert found.pop("random") <= {"mixed", "thing", "attribute", "surroundings"}
    assert found == {
        "object": {"thing.kind"},
        "add": {"added"},
        "delete": {"removed"},
        "content": {"attribute.size", "order"},
        "pose": {"attribute.pose"},
        "colour": {"attribute.colour"},
        "material": {"attribute.material"},
        "background": {"surroundings.ground", "surroundings.time"},
        "style": {"style.style"},
    }
