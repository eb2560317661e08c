"""Prompts taken apart and lined up.

The stored tables are those of the published code for seven pairs of prompts; `golden/words.safetensors` says
in its metadata how they were made.
"""

import json
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
import torch
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.words import Window, Words, bounds, refine, swap, weights, windows
from tests.kit import numbers, shared

safetensors: Any = import_module("safetensors")

GOLDEN = Path(__file__).parent / "golden"
SWAPS = ["replace", "replace-1to2", "replace-2to1", "replace-word-windows", "localblend-v1"]
REFINEMENTS = ["refine", "reweight"]


@cache
def tokenizer() -> Any:
    return import_module("transformers").CLIPTokenizer.from_pretrained(GOLDEN / "tiny-sd" / "tokenizer")


def words(prompt: str, window: int = 77) -> Words:
    own = tokenizer()
    return Words.of(
        prompt,
        lambda w: list(own(w, add_special_tokens=False).input_ids),
        own.bos_token_id,
        own.eos_token_id,
        window,
    )


def plain(prompt: str, window: int = 20) -> Words:
    """Words with one token a letter, ids by letter: lengths can be chosen at will."""
    return Words.of(prompt, lambda w: [ord(c) for c in w], 1, 2, window)


def stored(case: str) -> tuple[dict[str, Any], Callable[[str], Tensor]]:
    """The settings and the tables of one recorded pair."""
    with safetensors.safe_open(GOLDEN / "words.safetensors", "pt") as file:
        about = json.loads(file.metadata()[case])
        tables = {k: file.get_tensor(k) for k in file.keys() if k.startswith(f"{case}.")}
    return about, lambda name: tables[f"{case}.{name}"]


def both(case: str) -> tuple[Words, Words, Callable[[str], Tensor]]:
    about, table = stored(case)
    return words(about["source_prompt"]), words(about["target_prompt"]), table


@pytest.mark.parametrize("case", [*SWAPS, *REFINEMENTS])
def test_ids_are_those_of_the_whole_prompt(case: str) -> None:
    source, target, table = both(case)
    assert list(source.ids) == numbers(table("source_ids"))
    assert list(target.ids) == numbers(table("target_ids"))


@pytest.mark.parametrize("case", SWAPS)
def test_official_swap_is_the_published_mapper(case: str) -> None:
    source, target, table = both(case)
    found = swap(source, target, official=True)
    assert torch.equal(found.matrix, table("mapper").float())
    assert torch.equal(found.kept, torch.ones(77))


@pytest.mark.parametrize("case", REFINEMENTS)
def test_refine_is_the_published_mapper(case: str) -> None:
    source, target, table = both(case)
    found, kept = refine(source, target), table("mapper_alphas").float()
    assert torch.equal(found.kept, kept)
    for j, i in enumerate(numbers(table("mapper"))):
        column = torch.zeros(77)
        if kept[j]:
            column[i] = 1
        assert torch.equal(found.matrix[:, j], column)


def window_of(share: Any) -> Window:
    """A share as it was written into the settings: a number or a list of two."""
    ends: list[float] = [0.0, *([share] if isinstance(share, float) else share)]
    return ends[-2], ends[-1]


@pytest.mark.parametrize("case", [*SWAPS, *REFINEMENTS])
def test_windows_are_the_published_table(case: str) -> None:
    about, table = stored(case)
    given = {word: window_of(share) for word, share in about["cross_replace_steps"].items()}
    default = given.pop("default_")
    found = windows(words(about["target_prompt"]), about["num_inference_steps"], default, given)
    assert torch.equal(found, table("cross_alpha").float())


def test_weights_are_the_published_equalizer() -> None:
    about, table = stored("reweight")
    factors = dict(zip(*about["equalizer"], strict=True))
    assert torch.equal(weights(words(about["target_prompt"]), factors), table("equalizer").float())


def test_swap_of_equal_lengths_is_the_identity() -> None:
    for official in (False, True):
        assert torch.equal(swap(plain("a cat sat"), plain("a dog sat"), official).matrix, torch.eye(20))


@pytest.mark.parametrize(
    "target", ["a tiger sat on it", "a ox sat on it", "a tiger sat by it", "a tiger lounged on it"]
)
def test_swap_does_not_shift_the_tail(target: str) -> None:
    """Every word behind a swapped one, and the end token, takes the map of its own partner."""
    source = plain("a cat sat on it", 40)
    other = plain(target, 40)
    matrix = swap(source, other).matrix
    for old, new, a, b in zip(source.spans, other.spans, source.words, other.words, strict=True):
        if a == b:
            assert numbers(matrix[list(old), list(new)]) == [1.0] * len(new)
            assert matrix[:, list(new)].sum() == len(new)
    assert matrix[len(source.ids) - 1, len(other.ids) - 1] == 1
    assert bool((matrix.sum(0) > 0).all())


def test_official_swap_does_shift_the_tail() -> None:
    source, target = plain("a cat sat"), plain("a tiger sat")
    shifted = swap(source, target, official=True).matrix
    assert shifted[source.spans[2][0], target.spans[2][0]] == 0
    assert shifted[target.spans[2][0], target.spans[2][0]] == 1


@pytest.mark.parametrize("official", [False, True])
@pytest.mark.parametrize(
    "target", ["a ox sat on it", "a cat lay on it", "a tiger lay in it", "an elk stood by x"]
)
def test_every_source_token_of_a_swapped_word_gives_mass_one(target: str, official: bool) -> None:
    source, other = plain("a wolf sat on it"), plain(target)
    matrix = swap(source, other, official).matrix
    for old, new, a, b in zip(source.spans, other.spans, source.words, other.words, strict=True):
        if a != b:
            share = matrix[list(old)][:, list(new)]
            assert numbers(share.sum(1)) == pytest.approx([1.0] * len(old))


def test_swap_of_every_word_fills_every_column() -> None:
    matrix = swap(plain("ab cd"), plain("abc d")).matrix
    assert bool((matrix.sum(0) > 0).all())


def test_swap_needs_as_many_words() -> None:
    with pytest.raises(UsageError, match="the source has 2 and the target 3; use the edit kind 'refine'"):
        swap(plain("a cat"), plain("a big cat"))


def test_refine_of_identical_prompts_is_the_identity() -> None:
    found = refine(plain("a cat sat on it"), plain("a cat sat on it"))
    assert torch.equal(found.matrix, torch.eye(20))
    assert torch.equal(found.kept, torch.ones(20))


def test_refine_keeps_exactly_what_was_inserted() -> None:
    source, target = words("a cat on a bench"), words("a fat brown cat on a snowy bench")
    found = refine(source, target)
    new = {*target.places("fat brown"), *target.places("snowy")}
    assert {j for j in range(77) if found.kept[j] == 0} == new
    assert found.matrix[source.places("bench")[0], target.places("bench")[0]] == 1
    assert float(found.matrix[:, sorted(new)].abs().sum()) == 0


def test_refine_never_aligns_a_replaced_word() -> None:
    found = refine(words("a photo of a cat"), words("a photo of a dog"))
    assert [j for j in range(77) if found.kept[j] == 0] == [5]


def test_words_and_their_tokens() -> None:
    found = words("a tiger, sitting  on\ta mirror")
    assert found.words == ("a", "tiger,", "sitting", "on", "a", "mirror")
    assert [t for span in found.spans for t in span] == list(range(1, len(found.ids) - 1))
    assert len(found.places("tiger,")) > 1
    assert found.places("a") == (found.spans[0][0], found.spans[4][0])
    assert found.places("on a mirror") == tuple(t for span in found.spans[3:] for t in span)


@pytest.mark.parametrize("shape", ["sd1", "sdxl"])
@pytest.mark.parametrize(
    "prompt", ["", "a cat", "a  tiger,\nat night!", "Cat's   GRASS", "x-ray of 2 dogs'.", "a\u00a0cat"]
)
def test_ids_are_those_the_encoder_reads(shape: Any, prompt: str) -> None:
    family: Any = shared(shape).family
    found, own = family.text(prompt).words, family.tokenizers[0]
    assert list(found.ids) == list(own(" ".join(prompt.split())).input_ids)


def test_an_unknown_word_brings_the_nearest() -> None:
    with pytest.raises(
        UsageError, match=r"The word 'bensh' is not in the prompt .*; did you mean 'bench'\?$"
    ):
        words("a cat on a bench").places("bensh")
    with pytest.raises(UsageError, match="did you mean 'cat'"):
        words("a cat, on a bench").places("caat")
    with pytest.raises(UsageError, match="its words are: a, cat"):
        words("a cat").places("zeppelin")
    with pytest.raises(UsageError, match="its words are: none"):
        words("").places("cat")


def test_an_empty_word_is_refused() -> None:
    with pytest.raises(UsageError, match="empty word"):
        words("a cat").places("  ")


def test_a_window_or_weight_of_an_unknown_word_is_refused() -> None:
    with pytest.raises(UsageError, match="'dog'"):
        windows(words("a cat"), 10, 1.0, {"dog": 0.5})
    with pytest.raises(UsageError, match="'dog'"):
        weights(words("a cat"), {"dog": 2.0})


def test_a_prompt_that_is_too_long_is_refused() -> None:
    assert len(plain("abc def ghi", 11).ids) == 11
    with pytest.raises(UsageError, match="has 10 tokens, but this model reads at most 9"):
        plain("abc def ghij", 11)


def test_bounds() -> None:
    assert bounds(0.8) == (0.0, 0.8)
    assert bounds((0.2, 0.6)) == (0.2, 0.6)


@pytest.mark.parametrize(("share", "rows"), [(0.0, 0), (0.4, 20), (0.8, 40), (1.0, 51)])
def test_a_share_is_counted_in_rows_of_the_published_table(share: float, rows: int) -> None:
    table = windows(plain("a cat"), 50, share, {})
    assert table.shape == (51, 20)
    assert numbers(table[:, 0]) == [1.0] * rows + [0.0] * (51 - rows)


@pytest.mark.parametrize(
    "prompt", ["a cat, on it", "a cat's toy", "the (cat)", "A CAT.", 'one "cat" here', "cat’s"]
)
def test_what_stands_beside_a_word_is_no_part_of_it(prompt: str) -> None:
    found = words(prompt)
    (cat,) = words("cat").ids[1:-1]
    assert [found.ids[place] for place in found.places("cat")] == [cat]
    assert len(found.places("Cat")) == 1


def test_a_word_with_its_comma_is_still_found_whole() -> None:
    found = words("a tiger, sitting")
    assert found.places("tiger,") == found.spans[1]
    assert found.places("tiger") == found.spans[1][:-1]
    assert found.places("tiger sitting") == (*found.spans[1][:-1], *found.spans[2])
    with pytest.raises(UsageError, match="not in the prompt"):
        words("x-ray").places("x")


def test_accents_are_compared_as_the_tokenizer_does() -> None:
    composed, apart = normalize("NFC", "a café"), normalize("NFD", "a café")
    assert composed != apart and words(composed).ids == words(apart).ids
    for prompt, word in ((composed, apart), (apart, composed)):
        assert words(prompt).places(word.split()[1]) == words(prompt).spans[1]
        assert words(prompt).places(word.split()[1].upper()) == words(prompt).spans[1]
    assert torch.equal(swap(words(composed), words(apart)).matrix, torch.eye(77))


def test_scripts_without_blanks_are_told_how_to_name_a_word() -> None:
    for prompt, word in (("一只红色的猫坐着", "猫"), ("かわいいねこ", "ねこ"), ("แมวสีแดง", "แมว")):
        with pytest.raises(UsageError, match=rf"put blanks around '{word}' in the prompt, and name it so\.$"):
            words(prompt).places(word)
        apart = prompt.replace(word, f" {word} ")
        assert words(apart).places(word)
    with pytest.raises(UsageError, match="its words are"):
        words("一只红色的猫").places("狗")


def test_words_are_equal_by_what_they_say() -> None:
    assert words("a cat, on it") == words("a cat, on it") and hash(words("a")) == hash(words("a"))
