"""Mutual self-attention on numbers beside its formula, and in a network call."""

import math

import pytest
import torch
from tests.kit import call, clean, draw, equal, gap, pair, shared
from torch import Tensor

from overpaint.attention import Moment, SilentControl, Site
from overpaint.controls.mutual import Cells, Mutual, apart
from overpaint.families.tiny import SHAPES, Shape

ROWS = ("src-", "tgt-", "src+", "tgt+")


def site(nth: int = 3) -> Site:
    return next(s for s in shared().tap.sites if s.kind == "self" and s.nth == nth)


def moment(step: int = 1) -> Moment:
    return Moment(step, 4, ROWS, 8, 8)


def heads(seed: int) -> Tensor:
    return draw(4, 2, 64, 3, seed=seed)


def cells(seed: int) -> Cells:
    return draw(64, seed=seed) > 0.3


def published(q: Tensor, k: Tensor, v: Tensor, source: Cells, target: Cells) -> Tensor:
    """Two whole attentions with keys masked out, laid over one another by the target's mask."""
    logits = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    least = torch.finfo(q.dtype).min
    inside, outside = ((logits + torch.where(mask, 0.0, least)).softmax(-1) @ v for mask in (source, ~source))
    return torch.where(target[:, None], inside, outside)


def test_the_target_asks_and_the_source_answers() -> None:
    q, k, v = heads(1), heads(2), heads(3)
    new_q, new_k, new_v = Mutual(0, 0).qkv(site(), moment(), q, k, v)
    assert torch.equal(new_q, q)
    assert torch.equal(new_k[3], k[2]) and torch.equal(new_v[3], v[2])
    assert torch.equal(new_k[:3], k[:3]) and torch.equal(new_v[:3], v[:3]), "only the target's row changes"


def test_inside_asks_inside_as_published() -> None:
    q, k, v = heads(1)[:1], heads(2)[:1], heads(3)[:1]
    for source, target in ((cells(4), cells(5)), (~cells(4), cells(6))):
        assert gap(apart(q, k, v, source, target), published(q, k, v, source, target)) <= 1e-6


def test_turning_both_masks_over_changes_nothing() -> None:
    q, k, v = heads(1)[:1], heads(2)[:1], heads(3)[:1]
    source, target = cells(4), cells(5)
    assert torch.equal(apart(q, k, v, source, target), apart(q, k, v, ~source, ~target))


def test_where_the_source_has_nothing_inside_all_of_it_is_asked() -> None:
    q, k, v = heads(1)[:1], heads(2)[:1], heads(3)[:1]
    nowhere, target = torch.zeros(64, dtype=torch.bool), cells(5)
    whole = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    assert gap(apart(q, k, v, nowhere, target), whole) <= 1e-6


def split(source: Cells | None, target: Cells | None) -> Mutual:
    def told(site: Site, at: Moment) -> tuple[Cells, Cells] | None:
        cells = math.prod(at.canvas(site))
        return None if source is None or target is None else (source[:cells], target[:cells])

    return Mutual(0, 3, split=told)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_thing_that_is_everywhere_or_unknown_is_no_thing(shape: Shape) -> None:
    model, everywhere = shared(shape), torch.ones(64, dtype=torch.bool)
    with model.control(Mutual(0, 3)):
        plain = call(model)
    with model.control(split(None, None)):
        assert equal(call(model), plain)
    with model.control(split(everywhere, everywhere)):
        assert gap(call(model)["tgt"].eps, plain["tgt"].eps) <= 1e-5
    with model.control(split(cells(1), cells(2))):
        parted = call(model)
    assert gap(parted["tgt"].eps, plain["tgt"].eps) > 1e-4
    assert torch.equal(parted["src"].eps, plain["src"].eps)
    assert clean(model)


@pytest.mark.parametrize("shape", SHAPES)
def test_steps_and_layers_before_the_first_are_as_they_were(shape: Shape) -> None:
    model = shared(shape)
    plain, layers = call(model, i=1), sum(s.kind == "self" for s in model.tap.sites)
    with model.control(Mutual(2, 0)):
        assert equal(call(model, i=1), plain)
        assert not equal(call(model, i=2), call(shared(shape), i=1))
    with model.control(Mutual(0, layers - 1)):
        late = call(model, i=1)
    with model.control(Mutual(0, 0)):
        assert not equal(call(model, i=1), late)
    assert not equal(late, plain) and torch.equal(late["src"].eps, plain["src"].eps)


def test_a_layer_that_is_not_there_and_a_row_that_is_not_there_are_refused() -> None:
    model = shared()
    with pytest.raises(SilentControl, match="names layers"), model.control(Mutual(0, 7)):
        pass
    with pytest.raises(SilentControl, match="needs the row"), model.control(Mutual(0, 0, "other+")):
        call(model)
    assert clean(model)


def test_equal_rows_answer_themselves() -> None:
    """With the same text and latent in both, what the source answers is what the target would have said."""
    model = shared()
    source, _ = pair()
    branches = [source, type(source)("tgt", source.guide)]
    x = draw(1, 4, 8, 8)
    with model.control(Mutual(0, 0, "src+", "tgt+"), Mutual(0, 0, "src-", "tgt-")):
        made = model.predict({"src": x, "tgt": x}, 0, model.path(4), branches)
    assert gap(made["src"].eps, made["tgt"].eps) <= 1e-6
