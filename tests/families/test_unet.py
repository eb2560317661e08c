"""What a Stable Diffusion network needs around it; stock pipelines are compared with in `oracles`."""

from typing import Any

import pytest
import torch
from tests import kit
from tests.kit import draw, gap, shared, text

from overpaint.errors import UsageError
from overpaint.families.tiny import SHAPES, Shape, tiny
from overpaint.network import Residuals, together


def family(shape: Any = "sd1") -> Any:
    return shared(shape).family


@pytest.mark.parametrize("shape", kit.SHAPES)
def test_a_prompt_fills_the_window(shape: Any) -> None:
    found = text(shape, "a cat on the grass")
    assert found.states.shape == (1, 16, 40 if shape == "sdxl" else 24)
    assert found.states.dtype == torch.float32
    assert (found.pooled is not None) == (shape == "sdxl")
    assert found.prompt.words == ("a", "cat", "on", "the", "grass")
    assert not found.states.requires_grad


@pytest.mark.parametrize("shape", kit.SHAPES)
def test_spaces_do_not_matter_and_words_do(shape: Any) -> None:
    assert torch.equal(family(shape).text("  a\ncat ").states, text(shape, "a cat").states)
    assert gap(text(shape, "a dog").states, text(shape, "a cat").states) > 1e-3


@pytest.mark.parametrize("shape", kit.SHAPES)
def test_no_prompt_is_what_the_network_was_trained_with(shape: Any) -> None:
    null = family(shape).null()
    assert torch.equal(null.states, torch.zeros(1, 16, 40) if shape == "sdxl" else text(shape, "").states)
    if shape == "sdxl":
        assert torch.equal(null.pooled, torch.zeros(1, 16))


def test_a_prompt_longer_than_the_window_is_refused() -> None:
    family().text("a cat " * 7)
    with pytest.raises(UsageError, match="has 15 tokens, but this model reads at most 14"):
        family().text("a cat " * 7 + "on")


def test_every_place_of_the_prompt_reaches_the_network() -> None:
    states = text("sd1", "a cat").states
    x, t, net = draw(1, 4, 8, 8), torch.tensor(500), shared().net
    base = family().call(net, x, t, text("sd1", "a cat"), Residuals())
    for place in (0, 5, 15):
        moved = states.clone()
        moved[:, place] += 1
        other = text("sd1", "a cat").__class__(moved)
        assert gap(family().call(net, x, t, other, Residuals()), base) > 1e-5


@pytest.mark.parametrize("shape", kit.SHAPES)
def test_call_is_the_network(shape: Any) -> None:
    net: Any = shared(shape).net
    x, t = draw(2, 4, 8, 12), torch.tensor(321)
    both = together([text(shape, "a cat"), text(shape, "a dog")])
    added = {"text_embeds": both.pooled, "time_ids": torch.tensor([[32.0, 48, 0, 0, 32, 48]] * 2)}
    extra = {"added_cond_kwargs": added} if shape == "sdxl" else {}
    want = net(x, t, both.states, **extra).sample
    assert torch.equal(family(shape).call(net, x, t, both, Residuals()), want)


def test_call_speaks_the_type_of_the_network() -> None:
    model, x, t = tiny("sd1"), draw(1, 4, 8, 8), torch.tensor(10)
    model.net.bfloat16()
    intra = draw(1, 8, 8, 8), draw(1, 16, 4, 4)  # in single precision, as a side network may speak
    side = Residuals(mid=draw(1, 16, 4, 4), intra=intra)
    for more in (Residuals(), side):
        out = model.family.call(model.net, x, t, text("sd1", "a cat"), more)
        assert out.dtype == torch.bfloat16
        assert torch.isfinite(out).all()


def test_residuals_reach_the_network_and_are_not_used_up() -> None:
    net, x, t, cat = shared().net, draw(1, 4, 8, 8), torch.tensor(10), text("sd1", "a cat")
    base = family().call(net, x, t, cat, Residuals())
    down = tuple(draw(1, c, s, s, seed=k) for k, (c, s) in enumerate([(8, 8), (8, 8), (8, 4), (16, 4)]))
    mid = draw(1, 16, 4, 4, seed=9)
    intra = (draw(1, 8, 8, 8, seed=5), draw(1, 16, 4, 4, seed=6))
    for more in (Residuals(down, mid), Residuals(intra=intra)):
        first = family().call(net, x, t, cat, more)
        assert gap(first, base) > 1e-4
        assert torch.equal(family().call(net, x, t, cat, more), first)


def test_pictures_go_through_the_codec() -> None:
    pixels = draw(1, 3, 32, 32).tanh()
    assert torch.equal(family().encode(pixels), family().codec.encode(pixels))
    latents = draw(1, 4, 8, 8)
    assert torch.equal(family().decode(latents), family().codec.decode(latents))


@pytest.mark.parametrize("shape", SHAPES)
def test_words_may_have_vectors_that_are_being_learned(shape: Shape) -> None:
    family: Any = tiny(shape).family
    plain = family.text("a cat on the grass")
    place = plain.prompt.places("cat")
    ids = [family._ids(k, "a cat on the grass")[0, place] for k in range(len(family.encoders))]
    own = [e.get_input_embeddings().weight[i].clone() for e, i in zip(family.encoders, ids, strict=True)]
    same = family.learned_text("a cat on the grass", {"cat": own})
    assert torch.equal(same.states, plain.states)
    free = [v.requires_grad_() for v in own]
    loss = family.learned_text("a cat on the grass", {"cat": free}).states.square().sum()
    grads = torch.autograd.grad(loss, free)
    assert all(float(g.abs().max()) > 0 for g in grads)
    with pytest.raises(UsageError, match="'cat' has 1 tokens in the prompt and 2 vectors"):
        family.learned_text("a cat", {"cat": [torch.cat([v, v]) for v in own]})
    assert not any(e.get_input_embeddings()._forward_hooks for e in family.encoders)
