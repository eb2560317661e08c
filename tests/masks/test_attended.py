"""A mask from words: where they are looked at while the picture is walked to noise."""

import pytest
import torch
from tests.kit import shared

from overpaint.contract.trial import SIZE, picture
from overpaint.controls.keep import Keep, near_side
from overpaint.errors import UsageError
from overpaint.guides import Plain
from overpaint.masks.attended import STEPS, THRESHOLD, above, attended
from overpaint.masks.morphology import dilate
from overpaint.meter import Meter
from overpaint.methods.inpaint import Inpaint
from overpaint.model import Branch, Model
from overpaint.sample import noise
from overpaint.task import Mask01, Request, Task


def task(model: Model) -> Task:
    request = Request(source="a cat on the grass", target="a dog")
    return Task.of(model, request, Inpaint.card.needs, picture(), SIZE, mask=torch.ones(1, 1, *SIZE))


def found(model: Model, *words: str) -> Mask01:
    given = task(model)
    with torch.no_grad():
        return attended(model, given, given.text("a cat on the grass"), words, SIZE)


def test_it_is_where_the_source_looks_for_the_word_on_its_way_to_noise() -> None:
    model, meter = shared(), Meter()
    with model.metered(meter):
        mask = found(model, "cat")
    assert meter.rows == STEPS and mask.shape == (1, 1, *SIZE)
    given = task(model)
    text, keep = given.text("a cat on the grass"), Keep(near_side(model.tap.sites, 8, 8), frozenset({"src+"}))
    with torch.no_grad(), model.control(keep):
        noise(model, model.path(STEPS), given.x0, Branch("src", Plain(text)))
    seen = keep.of("src+", text.prompt.places("cat"))
    assert torch.equal(mask, above(dilate(seen), SIZE))
    peak = (seen == seen.max()).float()
    wide = torch.nn.functional.interpolate(peak[None, None], SIZE, mode="nearest")
    assert bool((mask >= wide).all()) and 0 < mask.mean() <= 1


def test_several_words_are_all_their_places() -> None:
    one, other, both = found(shared(), "cat"), found(shared(), "grass"), found(shared(), "cat", "grass")
    assert torch.equal(both, torch.maximum(one, other))


def test_an_inpainting_network_is_shown_nothing_of_the_picture_beside_the_latent() -> None:
    assert found(shared("sd1-inpaint"), "cat").any()


def test_above_is_a_share_of_the_peak() -> None:
    line = torch.tensor([[0.0, 0.2, 0.4, 1.0]])
    assert torch.equal(above(line, (1, 4))[0, 0], (line > THRESHOLD).float())


def test_a_word_that_is_not_in_the_text_is_said() -> None:
    with pytest.raises(UsageError, match="The word 'horse' is not in the prompt"):
        found(shared(), "horse")
