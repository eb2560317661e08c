from contextlib import nullcontext

import pytest
import torch
from tests.kit import Record, call, draw, gap, pair, shared, single, text
from tests.parity import golden_model

from overpaint.attention import Moment, Site
from overpaint.controls import CrossReplace, Keep, near_side, word_maps
from overpaint.families.tiny import SHAPES, Shape, tiny
from overpaint.words import Alignment

BOTH = frozenset({"src+", "tgt+"})


def test_the_published_layers_on_sd1_at_64() -> None:
    sites = golden_model().tap.sites
    down = [s.name for s in sites if s.kind == "cross" and s.place == "down"]
    up = [s.name for s in sites if s.kind == "cross" and s.place == "up"]
    # The published store holds maps of side 32 and less only: its down list begins with the second block.
    assert near_side(sites, 64, 64) == {*down[2:][2:4], *up[:3]}


def test_other_sizes_take_the_nearest_side() -> None:
    sites = golden_model().tap.sites
    sides = {
        n: {Moment(height=n, width=n).side(s) for s in sites if s.name in near_side(sites, n, n)}
        for n in (16, 24, 96, 128)
    }
    assert sides == {16: {16.0}, 24: {12.0}, 96: {24.0}, 128: {32.0}}


def test_ties_go_to_the_finer_map() -> None:
    module = torch.nn.Identity()
    sites = [
        Site("fine", "down", "cross", 0, 1, module),
        Site("coarse", "down", "cross", 1, 2, module),
        Site("middle", "mid", "cross", 2, 1, module),
    ]
    assert near_side(sites, 20, 20, side=15) == {"fine"}
    assert near_side(sites, 20, 20, side=14) == {"coarse"}


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_are_those_of_the_maps(shape: Shape) -> None:
    model = shared(shape)
    names = near_side(model.tap.sites, 8, 8)
    keep, record = Keep(names), Record()
    total: dict[str, torch.Tensor] = {}
    with model.control(keep, record):
        for seed in (1, 2):
            call(model, seed)
            for name in names:
                for role, row in (("src+", 2), ("tgt+", 3)):
                    mean = record.maps[name][row].mean(0)
                    total[role] = total.get(role, torch.zeros_like(mean)) + mean
    assert set(keep.sums) == BOTH
    for role in BOTH:
        mine = keep.mean(role)
        assert gap(mine.flatten(0, 1), total[role] / (2 * len(names))) <= 1e-6
        assert gap(mine.sum(-1), torch.ones(mine.shape[:2])) <= 1e-5, "every cell shares out one"


def test_recording_changes_nothing_but_the_kernel() -> None:
    model = tiny("sd1")
    model.net.double()  # the kernels differ in the last digits, which a deep network blows up
    with model.control(Keep(near_side(model.tap.sites, 8, 8))):
        seen = call(model)
    assert gap(seen["tgt"].eps, call(model)["tgt"].eps) <= 1e-6


def test_the_order_says_what_is_recorded() -> None:
    model = shared()
    n = model.family.window
    cross = CrossReplace(Alignment(torch.eye(n), torch.ones(n)), torch.ones(5, n), torch.full((n,), 2.0))
    names = near_side(model.tap.sites, 8, 8)
    before, after = Keep(names), Keep(names)
    with model.control(before, cross, after):
        call(model)
    assert torch.equal(after.mean("src+"), before.mean("src+"))
    assert torch.equal(after.mean("tgt+"), 2 * after.mean("src+"))
    assert not torch.equal(before.mean("tgt+"), after.mean("tgt+"))


def test_maps_of_pictures_that_are_not_square() -> None:
    model = shared()
    keep = Keep(near_side(model.tap.sites, 6, 10), reads=frozenset({"src+"}))
    with model.control(keep):
        model.predict({"src": draw(1, 4, 6, 10)}, 0, model.path(3), [single()])
    assert keep.mean("src+").shape == (6, 10, model.family.window)


def test_a_map_for_every_word() -> None:
    model = shared()
    keep = Keep(near_side(model.tap.sites, 8, 8))
    with model.control(keep):
        call(model)
    prompt = text("sd1", "a dog on the grass").prompt
    shown = word_maps(keep, prompt)
    assert list(shown) == ["a", "dog", "on", "the", "grass"]
    for word, one in shown.items():
        assert one.shape == (8, 8)
        assert torch.equal(one, keep.mean("tgt+")[..., list(prompt.places(word))].sum(-1))
        assert 0 <= float(one.min()) <= float(one.max()) <= 1
    assert list(word_maps(keep, text("sd1", "a dog on a cat").prompt)) == ["a", "dog", "on", "cat"]


def test_the_latest_step_alone_may_be_held() -> None:
    model, path = shared(), shared().path(4)
    names = near_side(model.tap.sites, 8, 8)
    whole, step, last = Keep(names), Keep(names, window="step"), Keep(names)
    x = draw(1, 4, 8, 8)
    with torch.no_grad(), model.control(whole, step):
        for i in (0, 1):
            with model.control(last) if i else nullcontext():
                model.predict({"src": x, "tgt": x}, i, path, pair())
    assert torch.equal(step.mean("tgt+"), last.mean("tgt+"))
    assert not torch.equal(step.mean("tgt+"), whole.mean("tgt+"))
