"""Layers that read a text each: what each of them gets, and that it is taken by place, never by counting."""

from typing import Any

import pytest
import torch
from tests.kit import clean, draw, gap, shared, text
from torch import Tensor, nn

from overpaint.controls.rows import put
from overpaint.errors import OverpaintError
from overpaint.families.by_layer import by_layer as told_apart
from overpaint.families.sites import readers_of
from overpaint.families.tiny import SHAPES, Shape, tiny
from overpaint.model import Line, Model
from overpaint.network import Residuals, Text, by_layer, readers, together
from overpaint.tune.sparing import sparing

CAT, DOG = "a cat on the grass", "a dog in snow"


def count(shape: Shape) -> int:
    return readers(shared(shape).tap.sites)


def answer(model: Model, said: Text) -> Tensor:
    with torch.no_grad():
        return model.family.call(model.net, draw(1, 4, 8, 8), torch.tensor(500), said, Residuals())


def test_layers_are_counted_as_published() -> None:
    assert [count(shape) for shape in SHAPES] == [7, 7, 4]
    names = [site.name for site in shared("sdxl").tap.sites if site.kind == "cross"]
    assert len(names) > 4  # several layers of a transformer read the same


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_text_for_all_is_the_plain_call(shape: Shape) -> None:
    model, plain = shared(shape), text(shape, CAT)
    apart = by_layer([plain] * count(shape))
    assert torch.equal(answer(model, apart), answer(model, plain))
    assert clean(model)


def visits(net: nn.Module) -> tuple[list[str], list[Any]]:
    """What each cross-attention layer gives, in the order in which they are asked."""
    names, found = list[str](), list[Any]()

    def note(name: str) -> Any:
        def hook(module: nn.Module, args: Any, out: Tensor) -> None:
            names.append(name)
            found.append(out.detach().clone())

        return hook

    handles = [module.register_forward_hook(note(name)) for name, (_, module) in readers_of(net).items()]
    return names, [found, handles]


@pytest.mark.parametrize("shape", SHAPES)
def test_places_are_the_order_of_execution_and_not_that_of_processors(shape: Shape) -> None:
    model = tiny(shape)
    names, (_, handles) = visits(model.net)
    answer(model, text(shape, CAT))
    for handle in handles:
        handle.remove()
    own = readers_of(model.net)
    assert names == list(own)
    assert [own[name][0] for name in names] == sorted(own[name][0] for name in names)
    net: Any = model.net
    listed = [one.removesuffix(".processor") for one in net.attn_processors if "attn2" in one]
    assert sorted(listed) == sorted(names) and listed != names


@pytest.mark.parametrize("layer", range(7))
def test_another_text_for_one_layer_leaves_those_before_it_alone(layer: int) -> None:
    model, cat, dog = tiny("sd1"), text("sd1", CAT), text("sd1", DOG)
    runs = list[list[Tensor]]()
    for changed in (False, True):
        _, (found, handles) = visits(model.net)
        answer(model, by_layer([dog if changed and k == layer else cat for k in range(7)]))
        for handle in handles:
            handle.remove()
        runs.append(found)
    same = [torch.equal(a, b) for a, b in zip(*runs, strict=True)]
    assert same[:layer] == [True] * layer and not same[layer]


def test_texts_for_all_and_for_each_share_a_call() -> None:
    model, cat, dog = shared("sd1"), text("sd1", CAT), text("sd1", DOG)
    apart = by_layer([cat, dog, cat, dog, cat, dog, cat])
    both, x = together([cat, apart]), draw(2, 4, 8, 8)
    with torch.no_grad():
        found = model.family.call(model.net, x, torch.tensor(500), both, Residuals())
        alone = [
            model.family.call(model.net, x[k : k + 1], torch.tensor(500), one, Residuals())
            for k, one in enumerate((cat, apart))
        ]
    assert gap(found, torch.cat(alone)) < 1e-5


def test_controls_see_the_part_of_their_layer() -> None:
    from overpaint.attention import Control, Moment, Site

    cat, dog = text("sd1", CAT), text("sd1", DOG)
    seen = dict[int, Tensor]()

    class Look(Control):
        def where(self, site: Site) -> bool:
            return site.kind == "cross"

        def context(self, site: Site, at: Moment, states: Tensor) -> Tensor:
            seen[site.reader] = states
            return put(states, [0], dog.states)

    model, path = tiny("sd1"), tiny("sd1").path(4)
    apart = by_layer([cat] * 6 + [dog])
    with torch.no_grad(), model.control(Look()):
        found = model.rows(draw(1, 4, 8, 8), 1, path, ["a"], [Line("", apart)])
    assert all(torch.equal(seen[k], (dog if k == 6 else cat).states) for k in range(7))
    with torch.no_grad():
        plain = model.rows(draw(1, 4, 8, 8), 1, path, ["a"], [Line("", dog)])
    assert torch.equal(found.eps, plain.eps)


def test_what_is_computed_twice_takes_its_part_twice() -> None:
    model = tiny("sd1")
    grads = list[Tensor]()
    for spared in (False, True):
        states = by_layer([text("sd1", CAT), *[text("sd1", DOG)] * 6]).states.clone().requires_grad_()
        said = Text(states, layers=7)
        with torch.enable_grad(), sparing(model.net, spared), told_apart(model.net, said):
            out = model.family.call(model.net, draw(1, 4, 8, 8), torch.tensor(500), said, Residuals())
            grads += torch.autograd.grad(out.square().sum(), states)
    assert gap(*grads) < 1e-5 * float(grads[0].abs().max())
    assert clean(model)


def test_a_text_for_fewer_layers_is_refused() -> None:
    with pytest.raises(OverpaintError, match="speaks to 3 layers and the network has 7"):
        answer(shared("sd1"), by_layer([text("sd1", CAT)] * 3))
    with pytest.raises(OverpaintError, match="for 3 layers cannot speak to 7"):
        by_layer([text("sd1", CAT)] * 3).for_layers(7)


def test_the_mean_stands_for_all() -> None:
    cat, dog = text("sdxl", CAT), text("sdxl", DOG)
    apart = by_layer([cat, dog])
    assert gap(apart.mean, (cat.states + dog.states) / 2) < 1e-6
    assert apart.pooled is not None and cat.pooled is not None and dog.pooled is not None
    assert gap(apart.pooled, (cat.pooled + dog.pooled) / 2) < 1e-6
    assert torch.equal(cat.mean, cat.states)
