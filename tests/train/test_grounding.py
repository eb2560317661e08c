"""Words that look at their thing: what is asked of the maps, and that training can answer it."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import pytest
import torch

from overpaint.attention import Moment, Tap
from overpaint.families.sites import sites_of
from overpaint.stilllife.captions import caption, describe
from overpaint.stilllife.scene import Scene, Thing
from overpaint.train import nets
from overpaint.train.data import held_out, token_batch, tokens
from overpaint.train.grounding import NOTHING, Looks, astray, places_of, spoken_of

PAIR = Scene((Thing("ball", "red", size="small", x=24), Thing("cube", "blue", size="small", x=72)))
CPU = torch.device("cpu")


def test_every_token_knows_its_thing() -> None:
    said = describe(PAIR)
    of = dict(zip(said.text.split(), spoken_of(said)[1:], strict=False))
    assert (of["red"], of["ball"], of["blue"], of["cube"]) == (0, 0, 1, 1)
    assert {of[word] for word in ("left", "of", "a")} == {NOTHING}
    for seed, scene in enumerate(held_out(20)):
        said = caption(scene, seed)
        assert len(spoken_of(said)) == len(tokens(said.text))
        assert set(spoken_of(said)) <= {NOTHING, *range(len(scene.things))}


def test_places_are_where_things_are_seen() -> None:
    places = places_of([PAIR], 16, CPU)[0]
    assert places[0, :, :6].sum() > 3 and places[1, :, 6:].sum() > 3
    assert places[0, :, 6:].sum() == places[1, :, :6].sum() == places[2].sum() == 0


def test_attention_on_the_thing_is_not_astray() -> None:
    places = torch.zeros(1, 3, 16, 16)
    places[0, 0, 2:4, 2:4] = 1
    things = torch.tensor([[NOTHING, 0, NOTHING]])
    on, off = torch.zeros(1, 16, 16, 3), torch.zeros(1, 16, 16, 3)
    on[0, 2:4, 2:4, 1], off[0, 8, 8, 1] = 0.1, 0.1
    assert astray([on], places, things).tolist() == [0]
    assert astray([off], places, things).tolist() == [1]
    assert astray([on + off], places, things).item() == pytest.approx((1 / 5) ** 2)
    assert astray([on, off], places, things).item() == pytest.approx(0.5)
    coarse = on.unfold(1, 2, 2).unfold(2, 2, 2).mean((-1, -2))
    assert astray([coarse], places, things).tolist() == [0]
    assert astray([off], places, torch.full((1, 3), NOTHING)).tolist() == [0]


def test_gradients_reach_the_layers_and_bring_the_looks_home() -> None:
    with nets.seeded(0):
        unet = nets.make_unet(nets.size_of("toy"))
        states = torch.randn(1, len(tokens("")), nets.TEXT_WIDTH)
    said = describe(PAIR)
    assert token_batch([said.text]).shape == states.shape[:2]
    places, things = places_of([PAIR], nets.LATENT, CPU), torch.tensor([spoken_of(said)])
    x, tap = torch.zeros(1, 4, nets.LATENT, nets.LATENT), Tap(sites_of(unet))
    torch.manual_seed(0)
    x = torch.randn_like(x)
    optimiser = torch.optim.Adam(unet.parameters(), 3e-3)
    losses = list[float]()
    for _ in range(8):
        looks = Looks()
        with tap.control(looks), tap.call(Moment(rows=("0+",), height=nets.LATENT, width=nets.LATENT)):
            unet(x, torch.tensor([300]), states)
        assert len(looks.maps) == sum(looks.where(site) for site in tap.sites) > 0
        loss = astray(looks.maps, places, things).mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 0.01
