from overpaint.choosing.rivals import STYLE, exchanged, meanings, rivals
from overpaint.families.clip import ClipEye
from overpaint.stilllife.suits import habits
from overpaint.stilllife.words import MEANINGS

KINDS = {"red": "colour", "blue": "colour", "azure": "colour", "cat": "kind", "dog": "kind"}
MEANS = {word: word for word in KINDS} | {"azure": "blue"}


def test_one_word_is_exchanged_for_all_others_of_its_kind_that_mean_something_else() -> None:
    assert list(exchanged("a pencil drawing of a Red cat, on snow", KINDS, MEANS)) == [
        "a pencil drawing of a blue cat, on snow",
        "a pencil drawing of a Red dog, on snow",
    ]
    assert list(exchanged("an azure sky", KINDS, MEANS)) == ["an red sky"]
    assert list(exchanged("a sky", KINDS, MEANS)) == list(exchanged("", KINDS, MEANS)) == []


def test_the_shipped_clip_knows_which_words_of_still_life_mean_the_same() -> None:
    words, eye = habits()["words"], ClipEye.load()
    kinds = tuple((word, kind) for word, kind in words.items() if kind != STYLE)
    found = meanings(eye, kinds)
    assert {w: MEANINGS[first] for w, first in found.items()} == {w: MEANINGS[w] for w, _ in kinds}
    prompt = "a pencil drawing of a small matte sphere on sand at noon"
    named = [one.split()[7] for one in rivals(prompt, words, eye)]
    assert named.count("sphere") == 1 + 3 + 4 + 2 and "ball" not in named and rivals(prompt, {}, eye) == []
