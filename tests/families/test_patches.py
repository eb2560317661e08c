"""Inside the image tower: the same vectors as from outside, other shapes, what a sentence is about."""

from typing import Any

import pytest
import torch
from tests.kit import draw, gap

from overpaint.families.clip import ClipEye
from overpaint.families.patches import entered, relevancy
from overpaint.families.tiny import tiny_eye

PICTURES = draw(2, 3, 32, 32).tanh()


def tower() -> Any:
    return tiny_eye().vision.vision_model


def test_a_square_is_seen_as_from_outside() -> None:
    eye = tiny_eye()
    vectors, states = eye.glance(PICTURES)
    assert gap(vectors, eye.embed(PICTURES)) < 1e-5
    out = eye.vision(pixel_values=eye._toned(PICTURES), output_hidden_states=True)  # pyright: ignore[reportPrivateUsage]
    assert gap(states, out.hidden_states[-2]) < 1e-5


def test_another_shape_is_seen_as_the_library_sees_it_and_on_its_side_otherwise() -> None:
    eye, wide = tiny_eye(), draw(1, 3, 32, 48).tanh()
    wanted = eye.vision(pixel_values=eye._toned(wide), interpolate_pos_encoding=True)  # pyright: ignore[reportPrivateUsage]
    vectors, states = eye.glance(wide)
    assert gap(vectors, wanted.image_embeds) < 1e-5
    assert states.shape == (1, 1 + 4 * 6, 16)
    assert gap(eye.glance(wide, sideways=True)[0], vectors) > 1e-3
    assert torch.equal(eye.glance(PICTURES, sideways=True)[0], eye.glance(PICTURES)[0])


def test_the_published_grid_is_that_of_the_turned_picture_read_row_by_row() -> None:
    net, blank = tower(), torch.zeros(1, 3, 32, 48)
    upright, aside = entered(net, blank), entered(net, blank, sideways=True)
    tall = entered(net, blank.mT)
    assert gap(aside, tall) < 1e-5 and gap(upright, aside) > 1e-3


def test_relevancy_is_what_gradients_of_the_maps_of_the_library_say() -> None:
    eye = tiny_eye()
    vision, wish = eye.vision, draw(1, 16)
    toned = eye._toned(PICTURES[:1])  # pyright: ignore[reportPrivateUsage]
    before = vision.config._attn_implementation
    try:
        vision.set_attn_implementation("eager")
        with torch.enable_grad():
            pixels = toned.clone().requires_grad_()
            out = vision(pixel_values=pixels, output_attentions=True)
            agreement = 100 * torch.nn.functional.cosine_similarity(out.image_embeds, wish).sum()
            maps: list[torch.Tensor] = list(out.attentions[-2:])
            grads: Any = torch.autograd.grad(agreement, maps)
    finally:
        vision.set_attn_implementation(before)
    found = torch.eye(17)
    for one, grad in zip(maps, grads, strict=True):
        found = found + torch.relu(one * grad).mean(1)[0] @ found
    mine = relevancy(vision, toned, wish, blocks=2)
    assert gap(mine[0].flatten(), found[0, 1:].detach()) < 1e-5
    assert not mine.requires_grad


def test_relevancy_leaves_weights_without_gradients() -> None:
    eye = tiny_eye()
    assert eye.about(PICTURES, draw(1, 16), blocks=3).shape == (2, 4, 4)
    assert all(p.grad is None and not p.requires_grad for p in eye.vision.parameters())


@pytest.mark.parametrize("colour", ["red", "blue"])
def test_the_shipped_eye_finds_a_thing_by_its_words(colour: str) -> None:
    from overpaint.stilllife.render import render
    from overpaint.stilllife.scene import Scene, Thing
    from overpaint.stilllife.truth import truth

    eye = ClipEye.load()
    scene = Scene((Thing("ball", "red", x=36), Thing("cube", "blue", x=92)))
    k = ("red", "blue").index(colour)
    said = eye.embed_text([f"a {colour} {scene.things[k].kind}"])
    grid = eye.about(render([scene]) * 2 - 1, said)[0]
    inside = torch.nn.functional.adaptive_avg_pool2d(truth([scene]).masks[:, :2].float(), 8)[0]
    own, other = ((grid * one).sum() / one.sum() for one in (inside[k], inside[1 - k]))
    assert float(own) > 1.5 * float(other)
