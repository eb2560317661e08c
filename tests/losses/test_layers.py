"""What makes a layer good: exact at both ends of opacity, and by independent formulas between."""

from collections.abc import Sequence
from dataclasses import replace
from math import pi

import pytest
import torch
from tests.kit import draw, gap

from overpaint.families.tiny import tiny_eye
from overpaint.losses.layers import GREEN, LayerLoss, Sayings, Worth, alike, over, screen, thin
from overpaint.meter import Meter
from overpaint.noise import Key

PICTURE = draw(1, 3, 32, 32).sigmoid()
LAYER = draw(1, 4, 32, 32, seed=1).sigmoid()


def opaque(opacity: float) -> torch.Tensor:
    return torch.cat([LAYER[:, :3], torch.full((1, 1, 32, 32), opacity)], 1)


def whole(picture: torch.Tensor, *key: Key) -> torch.Tensor:
    return picture


def all_of(k: int, name: str, count: int) -> Sequence[int]:
    return range(count)


def loss(**fields: object) -> LayerLoss:
    sayings = Sayings(*(draw(2, 16, seed=s) for s in (2, 3, 4)), *(draw(1, 16, seed=s) for s in (5, 6)))
    return replace(LayerLoss(tiny_eye(), sayings, whole, all_of), **fields)


def test_a_layer_that_is_not_there_changes_nothing() -> None:
    clear = opaque(0.0)
    assert torch.equal(over(clear, PICTURE), PICTURE)
    assert gap(screen(clear), torch.tensor(GREEN).view(1, 3, 1, 1).expand(1, 3, 32, 32)) == 0
    assert [float(part) for part in thin(clear)] == [0.0, 0.0]
    assert float(loss().layout(PICTURE, over(clear, PICTURE))) == 0


def test_a_layer_that_hides_everything_is_the_picture() -> None:
    assert torch.equal(over(opaque(1.0), PICTURE), LAYER[:, :3])
    mean, count = (float(part) for part in thin(opaque(1.0)))
    assert mean == 1.0 and count == pytest.approx(0.98661, abs=1e-5)


def test_what_is_mixed_stays_within_black_and_white() -> None:
    for made in (over(LAYER, PICTURE), screen(LAYER)):
        assert 0 <= float(made.min()) and float(made.max()) <= 1


def test_patches_are_like_themselves_and_each_other_alike() -> None:
    found = alike(draw(2, 5, 8))
    assert gap(found.diagonal(dim1=1, dim2=2), torch.ones(2, 5)) < 1e-6
    assert gap(found, found.mT) < 1e-6 and float(found.abs().max()) <= 1 + 1e-6


def gap_of(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Half the squared angle between two vectors, by its cosine."""
    return torch.nn.functional.cosine_similarity(one, other).acos().square().sum() / 2


def test_terms_are_means_over_views_sentences_and_examples() -> None:
    mine, eye = loss(), tiny_eye()
    found = mine.terms(0, [PICTURE, PICTURE.flip(-1)], [LAYER, LAYER.flip(-1)], region=False)
    seen = [eye.embed(over(one, two) * 2 - 1) for one, two in ((LAYER, PICTURE),)]
    seen += [eye.embed(over(LAYER, PICTURE).flip(-1) * 2 - 1)]
    far = [gap_of(s, t[None]) for s in seen for t in mine.sayings.target]
    assert float(found["words"]) == pytest.approx(float(torch.stack(far).mean()), abs=1e-5)
    assert 0 <= float(found["words"]) <= pi**2 / 2 and 0 <= float(found["direction"]) <= 2


def test_all_together_is_the_weighted_sum() -> None:
    worth = Worth(words=2.0, screen=3.0, layout=5.0, thin=7.0, opacity=0.1, count=0.2)
    mine = loss(worth=worth)
    t = mine.terms(0, [PICTURE], [LAYER], region=True)
    wanted = 2 * (t["words"] + t["direction"]) + 3 * t["screen"] + 5 * t["layout"]
    wanted = wanted + 7 * (0.1 * t["opacity"] + 0.2 * t["count"]) + 4 * t["region"]
    assert gap(mine(0, [PICTURE], [LAYER], 4.0), wanted) < 1e-5
    assert gap(mine(0, [PICTURE], [LAYER]), wanted - 4 * t["region"]) < 1e-5


def test_a_region_reaches_from_nothing_to_all_and_no_gradient_flows_into_it() -> None:
    mine, free = loss(), PICTURE.clone().requires_grad_()
    found = mine.found(free, mine.sayings.target[:1])
    assert (float(found.min()), float(found.max())) == (0.0, 1.0)
    assert not found.requires_grad


def test_a_layer_that_lies_where_the_region_is_has_no_loss() -> None:
    mine = loss()
    mine = replace(mine, sayings=replace(mine.sayings, other=None))
    there = mine.found(PICTURE, draw(1, 16, seed=5))
    layer = torch.cat([LAYER[:, :3], there], 1)
    assert float(mine.near(PICTURE, layer)) == 0
    assert float(mine.near(PICTURE, LAYER)) > 0


def test_the_published_code_counts_the_region_of_the_last_example_alone() -> None:
    pairs = [PICTURE, PICTURE.flip(-1)], [LAYER, LAYER]
    ours, theirs = loss(), loss(published=True)
    last = float(ours.near(pairs[0][1], pairs[1][1]))
    first = float(ours.near(pairs[0][0], pairs[1][0]))
    assert float(ours.region(*pairs)) == pytest.approx((first + last) / 2)
    assert float(theirs.region(*pairs)) == pytest.approx(last / 2)


def test_every_look_is_counted() -> None:
    meter = Meter()
    loss(meter=meter)(0, [PICTURE], [LAYER], 1.0)
    assert meter.looks == 4 + 2 + 2  # words, screen, before and after; both layouts; region and what is not
