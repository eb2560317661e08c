"""P+: settings under which it is another method, mixing at both ends, and its words under every editor."""

from typing import Any

import pytest
import torch
from tests.families.test_concept import of_words
from tests.kit import clean, draw, gap, shared, text

from overpaint import registry
from overpaint.card import Need
from overpaint.contract.trial import encoded, result, run, short
from overpaint.errors import UsageError
from overpaint.families.concept import Concept
from overpaint.families.tiny import SHAPES, Shape, tiny
from overpaint.inversions import NAMES
from overpaint.methods.ddim import DDIMEdit
from overpaint.methods.generate import Generate
from overpaint.methods.p2p import PromptToPrompt
from overpaint.methods.p_plus import PPlus
from overpaint.model import Model
from overpaint.noise import Noise
from overpaint.path import Latent
from overpaint.task import Task

CAT, DOG, BIRD = "a photo of a cat", "a photo of a dog", "a photo of a bird"


def task(model: Model, target: str = DOG, picture: bool = False, **more: Any) -> Task:
    family = model.family
    x0 = draw(1, 4, 8, 8, seed=11) if picture else None
    source = family.text(CAT) if picture else None
    return Task(
        (1, 4, 8, 8), family.null(), Noise(0), x0, source, family.text(target), encode=family.text, **more
    )


def p_plus(**options: Any) -> PPlus:
    return PPlus.model_validate({"steps": 3, "guidance": 5.0, **options})


def made(model: Model, method: Any, given: Task) -> Latent:
    return result(run(model, method, given))


@pytest.mark.parametrize("shape", SHAPES)
def test_one_prompt_for_all_layers_is_text_to_image(shape: Shape) -> None:
    model = tiny(shape)
    layers = 4 if shape == "sdxl" else 7
    by_layer = [f"{k}=  a  photo of a dog" for k in range(0, layers, 2)]  # the same words, another prompt
    plain = made(model, Generate(steps=3, guidance=5.0), task(model))
    assert gap(made(model, p_plus(layer_prompt=by_layer), task(model)), plain) < 1e-5
    assert clean(model)


def test_all_layers_told_otherwise_is_that_prompt() -> None:
    model = shared("sd1")
    plain = made(model, Generate(steps=3, guidance=5.0), task(model, BIRD))
    said = [f"0:3={BIRD}", f"3:7=a  {BIRD[2:]}"]
    assert gap(made(model, p_plus(layer_prompt=said), task(model)), plain) < 1e-5


def test_with_a_picture_it_is_ddim_with_such_a_text() -> None:
    model = shared("sd1")
    plain = made(model, DDIMEdit(steps=3, guidance=5.0), task(model, picture=True))
    same = p_plus(layer_prompt=["2:4=a  photo of a dog"])
    assert gap(made(model, same, task(model, picture=True)), plain) < 1e-5
    moved = made(model, p_plus(layer_prompt=[f"2:4={BIRD}"]), task(model, picture=True))
    assert gap(moved, plain) > 1e-4


def test_mixing_has_both_concepts_at_its_ends() -> None:
    """The band empty: the look alone. All layers: the shape alone. Between: neither."""
    model = tiny("sd1")
    shape, look = of_words(model, "cat", "dog", called="<a>"), of_words(model, "bird", "house", called="<b>")
    with model.patched(shape, look):
        one, other = (made(model, p_plus(), task(model, f"a photo of a {word}")) for word in ("<a>", "<b>"))
        mixed = {
            band: made(model, p_plus(mix="<a>=><b>", band=band), task(model, "a photo of a <a>"))
            for band in ("0:7", "3:3", "2:5")
        }
        by_hand = p_plus(layer_prompt=["2:5=a photo of a <a>"])
        between = made(model, by_hand, task(model, "a photo of a <b>"))
    assert gap(mixed["0:7"], one) < 1e-6 and gap(mixed["3:3"], other) < 1e-6
    assert torch.equal(mixed["2:5"], between)
    assert min(gap(mixed["2:5"], one), gap(mixed["2:5"], other)) > 1e-4


def test_a_layer_prompt_speaks_over_a_mix() -> None:
    model = shared("sd1")
    mixed = p_plus(mix="dog=>cat", band="2:5", layer_prompt=[f"0:7={BIRD}"])
    plain = made(model, Generate(steps=3, guidance=5.0), task(model, BIRD))
    mixed = mixed.changed(layer_prompt=[f"0:3={BIRD}", f"3:7=a  {BIRD[2:]}"])
    assert gap(made(model, mixed, task(model)), plain) < 1e-5


APART = {"p-plus", "imagic"}
"""Editors that tell layers apart themselves, or tune what each of them reads."""
EDITORS = [
    kind
    for kind in registry.every()
    if Need.TARGET in kind.card.needs and "sd1" in kind.card.families and kind.card.name not in APART
]


@pytest.mark.sample(6)
@pytest.mark.parametrize("kind", EDITORS, ids=lambda kind: kind.card.name)
def test_a_concept_is_a_word_for_every_editor(kind: Any) -> None:
    """One whose layers all read ``dog`` edits as ``dog`` does, by whatever method."""
    if kind.card.sees:
        pytest.skip("CLIP reads the prompt by itself, and was not taught the word")
    model = tiny("sd1")
    plain = made(model, short(kind), encoded(model, kind))
    with model.patched(of_words(model, "dog", called="<it>")):
        found = made(model, short(kind), encoded(model, kind, target="a photo of a <it>"))
    assert gap(found, plain) <= 1e-4 * max(1.0, float(plain.abs().max()))


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", NAMES)
def test_a_concept_is_a_word_of_the_source_for_every_inversion(name: str) -> None:
    model = tiny("sd1")
    # From the source on, prompt tuning would tune what each layer reads by itself.
    few = {"null-text": {"inner": 2}, "prompt-tuning": {"inner": 2, "init": "null"}, "style": {"inner": 2}}
    method = PromptToPrompt.model_validate(
        {"steps": 3, "guidance": 2.0, "inversion": {"name": name, **few.get(name, {})}}
    )
    plain = made(model, method, encoded(model, PromptToPrompt))
    with model.patched(of_words(model, "cat", called="<it>")):
        given = encoded(model, PromptToPrompt, source="a photo of a <it>")
        found = made(model, method, given)
    assert gap(found, plain) <= 1e-4 * max(1.0, float(plain.abs().max()))


def learning(word: str = "<it>", **more: Any) -> PPlus:
    few = {"init": "cat", "updates": 2, "batch": 1, "sentences": "a {}", **more}
    return p_plus(word=word, learning=few)


def test_pictures_of_a_word_are_learned_first_and_given_back() -> None:
    model = tiny("sd1")
    pictures = {"examples": [draw(1, 3, 32, 32).tanh()]}
    given = task(model, "a photo of a <it>", given_pictures=pictures)
    outcome = run(model, learning(), given)
    (concept,) = outcome.learned
    assert isinstance(concept, Concept) and concept.word == "<it>" and clean(model)
    with model.patched(concept):
        again = made(model, p_plus(), task(model, "a photo of a <it>"))
    assert torch.equal(result(outcome), again)
    family: Any = model.family
    assert not family.concepts


def refused(method: PPlus, given: Task, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        method.check(shared("sd1"), given)


def test_what_would_do_nothing_is_refused() -> None:
    model = shared("sd1")
    plain, pictures = task(model), {"examples": [draw(1, 3, 32, 32).tanh()]}
    refused(p_plus(), plain, "Every layer reads the same")
    refused(p_plus(mix="dog=>dog"), plain, "Every layer reads the same")
    refused(p_plus(band="2:4"), plain, "band says where the first word of a mix counts")
    refused(p_plus(layer_prompt=["5:9=a cat"]), plain, "layers 5:9 do not exist")
    refused(p_plus(mix="cat=>dog"), plain, "does not say 'cat'")
    direct = p_plus(layer_prompt=["2=a cat"], inversion={"name": "direct"})
    refused(direct, plain, "no picture to invert")
    refused(learning("dog"), plain, "give them as examples")
    refused(learning("<it>"), task(model, given_pictures=pictures), "stands in no prompt")
    refused(p_plus(layer_prompt=["2=a cat"]), task(model, given_pictures=pictures), "without a word for it")
    refused(p_plus(layer_prompt=["2=a cat"], learning={"init": "cat"}), plain, "without a word for it")
    refused(learning("dog", init=""), task(model, given_pictures=pictures), "Say what the pictures show")
    refused(p_plus(layer_prompt=["2=" + "a cat " * 9]), plain, "reads at most 14")


def test_watched_words_are_those_of_the_target() -> None:
    assert p_plus().watched(task(shared("sd1")))["tgt+"].prompt.words == text("sd1", DOG).prompt.words
