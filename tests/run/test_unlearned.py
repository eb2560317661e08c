from typing import Any

import pytest
from PIL import Image
from tests.kit import shared

import overpaint as package
from overpaint.files.provenance import Origin
from overpaint.model import Model
from overpaint.run.unlearned import nearest, spoken, unlearned
from overpaint.stilllife.captions import caption
from overpaint.stilllife.scene import sample
from overpaint.stilllife.words import CAPTIONED, NEAR, SPARE

PINK = (
    "The model was never taught a word of the prompt: 'pink' (nearest: 'red' or 'purple'); it means nothing "
    "to it. It reads 82 words, which 'overpaint words' lists."
)


@pytest.fixture(scope="module")
def model() -> Model:
    return package.load("still-life")


def said(model: Model, prompt: str) -> str:
    return " ".join(unlearned(model, {"prompt": prompt}))


def test_every_caption_is_understood(model: Model) -> None:
    prompts = {str(seed): caption(sample(seed), seed).text for seed in range(300)}
    assert unlearned(model, prompts) == []


@pytest.mark.parametrize(
    "prompt",
    ["", "  ", "A Red BALL.", "the ball's colour", "a (red) ball, on grass!", "red-striped ball", "red_ball"],
)
def test_capitals_signs_and_possessives_are_no_words(model: Model, prompt: str) -> None:
    assert said(model, prompt) == ""


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a pink ball", "a word of the prompt: 'pink' (nearest: 'red' or 'purple');"),
        ("une balle", "most words of the prompt: 'une', 'balle' (nearest: 'ball');"),
        ("a bleu ball", "a word of the prompt: 'bleu' (nearest: 'blue');"),
        ("a ball on watter", "a word of the prompt: 'watter' (nearest: 'water');"),
        ("two balls", "most words of the prompt: 'two', 'balls' (nearest: 'ball');"),
        ("a zxqv", "a word of the prompt: 'zxqv';"),
        ("赤い ball on grass", "a word of the prompt: '赤い';"),
        (
            "ein blauer Würfel neben einem Haus auf dem Gras",
            "most words of the prompt: 'ein', 'blauer' (nearest: 'blue'), 'würfel', 'neben', 'einem', 'haus' "
            "and 3 more;",
        ),
    ],
)  # fmt: skip
def test_strange_words_are_named_with_the_nearest(model: Model, prompt: str, words: str) -> None:
    assert f"The model was never taught {words}" in said(model, prompt)


def test_prompts_that_lack_the_same_words_share_a_sentence(model: Model) -> None:
    both = {"source prompt": "a pink ball", "target prompt": "a pink cube"}
    (one,) = unlearned(model, both)
    assert "a word of the source prompt and the target prompt: 'pink'" in one
    assert len(unlearned(model, {**both, "target prompt": "a teal cube"})) == 2


def test_spare_words_are_strange_and_names_lead_to_words_that_are_known(model: Model) -> None:
    known = {*model.suits.vocabulary}
    assert known == {word for word in CAPTIONED if word.isalpha()}
    strange = [word for word in SPARE if word not in known]
    assert {"pink", "cat", "watercolour"} <= {*strange}
    assert all(f"{word!r}" in said(model, word) for word in strange)
    assert {one for nearest in NEAR.values() for one in nearest} <= known
    assert not known & NEAR.keys()
    assert nearest(model, "watter") == ("water",)
    assert nearest(model, "grün") == ("green",)
    assert nearest(model, "rde") == ()


def test_words_are_read_as_the_tokenizer_does(model: Model) -> None:
    family: Any = model.family
    assert spoken("GRÜN a__b 3") == ["grün", "a", "b", "3"]
    assert spoken("Red ball’s, isn't") == ["red", "ball", "isn"]
    assert family.plain("a red ball") == "a red ball"


def test_nothing_is_said_where_a_model_does_not_say_what_it_was_taught(model: Model) -> None:
    assert unlearned(shared(), {"prompt": "a zxqv"}) == []
    before, model.origin = model.origin, Origin.said(["x.safetensors:1"], [], None, None)
    assert unlearned(model, {"prompt": "a zxqv"}) == []
    model.origin = before


def test_a_word_that_was_taught_when_the_model_was_loaded_is_known(model: Model) -> None:
    family: Any = model.family
    family.learned["zxqv"] = ((1,),)
    try:
        assert said(model, "a zxqv on grass") == ""
    finally:
        del family.learned["zxqv"]


def test_in_python_too_and_of_further_prompts(model: Model) -> None:
    edit = package.generate("a pink ball", model=model, steps=1)
    assert edit.warnings == edit.recipe.warnings == (PINK,)
    image = Image.new("RGB", (64, 64), "white")
    more = package.edit(image, source="a ball", target="a cube", method="ddim", model=model, steps=1)
    assert not any("taught" in one for one in more.warnings)
    assert package.generate("a ball", model=model, steps=1).warnings == ()
    edit = package.edit(
        image,
        source="a ball",
        method="sega",
        model=model,
        steps=1,
        concept="+pinkish:1;warmup=0",
        inversion="ddim",
    )
    assert any("a word of the prompt 'pinkish': 'pinkish' (nearest:" in one for one in edit.warnings)
