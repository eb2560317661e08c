"""SpaText: what an empty map and equal scales make of it, that regions are heard, and what is refused."""

from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from tests.kit import draw, gap, shared

from overpaint.contract.trial import SIZE, picture, run
from overpaint.errors import UsageError
from overpaint.families.tiny import FEATURES, tiny, tiny_eye
from overpaint.families.unet import UNetFamily
from overpaint.families.widen import narrow, widen
from overpaint.masks.regions import cropped, painted
from overpaint.meter import Meter
from overpaint.methods.generate import Generate
from overpaint.methods.spatext import SpaText, guide, painted_cells, vectors
from overpaint.model import Model
from overpaint.path import Latent
from overpaint.task import Region, Request, Task

FEW = 3


def area(top: int, left: int, bottom: int, right: int) -> torch.Tensor:
    mask = torch.zeros(1, 1, *SIZE)
    mask[..., top:bottom, left:right] = 1
    return mask


LEFT, RIGHT = area(0, 0, 32, 16), area(8, 16, 24, 32)
TOLD = (Region("a red cat", LEFT), Region("a blue dog", RIGHT))


def model() -> Model:
    return shared("sd1-spatext")


def task(
    regions: tuple[Region, ...] = TOLD, given: Model | None = None, seed: int = 0, seen: bool = True
) -> Task:
    return Task.of(
        given or model(),
        Request(target="a photo of the grass", seed=seed),
        SpaText.card.needs,
        picture() if seen else None,
        SIZE,
        optional=SpaText.card.optional,
        regions=regions,
    )


def made(
    given: Task | None = None, on: Model | None = None, meter: Meter | None = None, **how: Any
) -> Latent:
    method = SpaText.model_validate({"steps": FEW, "guidance": 4.0, "prior_steps": 2, **how})
    return run(on or model(), method, given or task(), meter).latents[0]


def widened(weights: torch.Tensor | None = None) -> Model:
    """The ordinary tiny network, made to read a map."""
    plain = tiny("sd1")
    widen(cast(Any, plain.net), FEATURES, weights)
    f = cast(UNetFamily, plain.family)
    wide = UNetFamily("sd1-spatext", f.schedule, f.codec, f.tokenizers, f.encoders, f.side, extra=FEATURES)
    return Model(plain.net, wide, open_eye=tiny_eye, open_prior=model().open_prior)


def test_a_map_of_nothing_is_the_base_to_the_bit_whatever_the_new_weights_are() -> None:
    on = widened(draw(8, FEATURES, 3, 3))
    x, text, t = draw(2, 4, 8, 8), on.family.text("a cat"), torch.tensor(500)
    states = replace(text, states=text.states.expand(2, -1, -1))
    none = torch.cat([x, torch.zeros(2, FEATURES, 8, 8)], 1)
    from overpaint.network import Residuals

    plain = shared("sd1")
    with torch.no_grad():
        wide = on.family.call(on.net, none, t, states, Residuals())
        base = plain.family.call(plain.net, x, t, states, Residuals())
    assert torch.equal(wide, base)
    old, new = narrow(cast(Any, on.net), 4)
    assert torch.equal(old, cast(Any, plain.net).conv_in.weight) and new.shape[1] == FEATURES


def test_a_network_that_thinks_nothing_of_the_map_draws_as_the_ordinary_one() -> None:
    on = widened()
    given = task(given=on)
    plain = run(shared("sd1"), Generate(steps=FEW, guidance=4.0), given).latents[0]
    assert gap(made(given, on), plain) < 1e-5
    assert gap(made(given, on, region_guidance=2.0), plain) < 1e-5


def test_without_a_scale_of_their_own_regions_change_nothing_and_with_one_they_do() -> None:
    text = made(region_guidance=0.0)
    assert torch.equal(text, made(task(TOLD[:1]), region_guidance=0.0))
    assert gap(made(region_guidance=3.0), text) > 1e-3


def test_words_places_and_the_way_through_the_prior_are_heard() -> None:
    plain = made()
    others = [
        made(task((Region("a blue dog", LEFT), Region("a red cat", RIGHT)))),
        made(task((TOLD[0], Region(TOLD[1].words, area(8, 16, 32, 32))))),
        made(through="text"),
        made(task(seed=1)),
    ]
    assert all(gap(one, plain) > 1e-4 for one in others)
    assert torch.equal(made(), plain)


def test_regions_that_lie_apart_may_come_in_any_order_without_chance() -> None:
    assert gap(made(task(TOLD[::-1]), through="text"), made(through="text")) < 1e-5


def test_a_region_without_words_is_told_what_the_picture_shows_there() -> None:
    given = task((Region("", LEFT), TOLD[1]))
    found = vectors(SpaText(through="text"), model(), given)
    assert gap(found[:1], tiny_eye().look(cropped(given.pixels, LEFT))) < 1e-6
    assert gap(found[1:], tiny_eye().read(["a blue dog"])) < 1e-6


def test_of_several_draws_that_is_taken_which_agrees_most_with_the_words() -> None:
    given, one, many = task(TOLD[:1]), SpaText(prior_steps=2, tries=1), SpaText(prior_steps=2, tries=6)
    said = tiny_eye().read([TOLD[0].words])
    scores = [float((vectors(how, model(), given) @ said.T).squeeze()) for how in (one, many)]
    assert scores[1] >= scores[0]


def test_prompt_and_map_are_told_together_or_each_alone() -> None:
    given, o = task(), SpaText()
    told = painted(vectors(o, model(), given), torch.cat(painted_cells(o, given))[:, 0])
    nothing, both = guide(o, given, told).lines(0)
    assert nothing.concat is not None and not nothing.concat.any() and nothing.text is given.null
    assert both.concat is told and both.text is given.target
    _, text, alone = guide(SpaText(region_guidance=2.0), given, told).lines(0)
    assert text.concat is not None and not text.concat.any() and text.text is given.target
    assert alone.concat is told and alone.text is given.null


@pytest.mark.parametrize(("how", "rows"), [({}, 2), ({"region_guidance": 2.0}, 3)])
def test_it_asks_two_rows_a_step_or_three(how: dict[str, Any], rows: int) -> None:
    meter = Meter()
    made(meter=meter, **how)
    assert (meter.rows, meter.sides) == (rows * FEW, 2 * 2 * 2)


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        ((Region("a cat", area(0, 0, 1, 2)),), r"region 1 \(a cat\) covers no cell"),
        (
            (TOLD[0], Region("", area(0, 0, 8, 8)), Region("a dog", area(0, 0, 16, 16))),
            "region 2 lies wholly",
        ),
        ((Region("a dog and a cat " * 9, LEFT),), "this model reads at most 14; shorten it"),
    ],
)
def test_a_region_that_would_not_be_seen_is_refused(regions: tuple[Region, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        made(task(regions))


def test_what_is_missing_is_said_before_any_work() -> None:
    with pytest.raises(UsageError, match="edits a picture"):
        made(task((Region("", LEFT),), seen=False))
    assert made(task(seen=False)).shape == (1, 4, 8, 8)
    blind = replace(model(), open_prior=None)
    with pytest.raises(UsageError, match="no prior beside it"):
        made(task(given=blind), blind)
    with pytest.raises(UsageError, match="told what regions show"):
        task(())
