"""Alignment by meaning: who takes whose place, and that nobody else is moved."""

import torch
from tests.kit import text

from overpaint.controls.kindred import alike, kindred
from overpaint.words import refine


def test_a_new_word_takes_the_place_of_the_old_one_that_is_most_like_it() -> None:
    source, target = text("sd1", "a cat"), text("sd1", "a red dog")
    ids, old = target.prompt.ids, source.prompt.ids
    plain, (found, pairs) = refine(source.prompt, target.prompt), kindred(source, target)
    new = [j for j in range(len(ids)) if not plain.kept[j]]
    gone = [i for i in range(len(old)) if not plain.matrix[i, : len(ids)].any()]
    assert new and gone
    near = alike(source, target)
    best = max(((i, j) for i in gone for j in new), key=lambda pair: float(near[pair]))
    assert pairs == {best[1]: best[0]}
    assert float(found.matrix[best]) == 1 and float(found.kept[best[1]]) == 1
    others = [j for j in range(len(found.kept)) if j != best[1]]
    assert torch.equal(found.kept[others], plain.kept[others])
    assert torch.equal(found.matrix[:, others], plain.matrix[:, others])


def test_prompts_that_only_add_or_only_drop_words_have_no_pairs() -> None:
    for one, other in (("a cat", "a red cat"), ("a red cat", "a cat"), ("a cat", "a cat")):
        source, target = text("sd1", one), text("sd1", other)
        found, pairs = kindred(source, target)
        assert not pairs and torch.equal(found.matrix, refine(source.prompt, target.prompt).matrix)


def test_the_cosine_is_that_of_every_pair() -> None:
    source, target = text("sd1", "a cat"), text("sd1", "a red dog")
    want = torch.cosine_similarity(source.states[0, 2], target.states[0, 3], dim=0)
    assert abs(float(alike(source, target)[2, 3] - want)) < 1e-5


def test_as_published_places_are_looked_up_in_the_other_prompt() -> None:
    """With two old words for two new ones the pair is the one nearest where each is read as the other."""
    source, target = text("sd1", "a cat tiger"), text("sd1", "a red dog")
    near = alike(target, source)  # the target's tokens at the source's places
    _, pairs = kindred(source, target, official=True)
    ((j, i),) = pairs.items()
    plain = refine(source.prompt, target.prompt)
    new = [k for k in range(len(target.prompt.ids)) if not plain.kept[k]]
    gone = [k for k in range(len(source.prompt.ids)) if not plain.matrix[k, : len(target.prompt.ids)].any()]
    assert float(near[i, j]) == max(float(near[a, b]) for a in gone for b in new)
