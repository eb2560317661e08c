"""Local blend on maps that were put into the record by hand, and beside the published code's own formula."""

from itertools import pairwise

import torch
from tests.kit import draw
from torch import Tensor

from overpaint.controls import Keep
from overpaint.masks import LocalBlend
from overpaint.meter import Meter

CAT, BENCH = [3], [5, 6]
WORDS = {"src": CAT, "tgt": CAT}


def kept(source: Tensor, target: Tensor, count: int = 1) -> Keep:
    keep = Keep(frozenset())
    keep.sums.update({"src+": source, "tgt+": target})
    keep.counts.update({"src+": count, "tgt+": count})
    return keep


def random_maps(seed: int, side: int = 4) -> Tensor:
    return draw(side, side, 9, seed=seed).mul(2).softmax(-1)


def blend(threshold: float = 0.3, start: int = 0, scale: float = 1.0, subtract: bool = False) -> LocalBlend:
    keep = kept(scale * random_maps(1), scale * random_maps(2))
    return LocalBlend(keep, WORDS, {"src": BENCH, "tgt": BENCH} if subtract else {}, threshold, start)


def latents() -> dict[str, Tensor]:
    return {"src": draw(1, 4, 8, 8, seed=3), "tgt": draw(1, 4, 8, 8, seed=4)}


def published(source: Tensor, target: Tensor, threshold: float, size: int) -> Tensor:
    """The published steps in their order, with naive loops."""
    found = torch.zeros(size, size, dtype=torch.bool)
    for maps in (source, target):
        word = maps[..., CAT].sum(-1)
        side = len(word)
        wide = torch.empty(side, side)
        for y in range(side):
            for x in range(side):
                wide[y, x] = word[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].max()
        big = torch.empty(size, size)
        for y in range(size):
            for x in range(size):
                big[y, x] = wide[y * side // size, x * side // size]
        found |= big / big.max() > threshold
    return found


def test_the_mask_is_the_published_one() -> None:
    for threshold in (0.3, 0.6, 0.9):
        mine = blend(threshold).mask(8, 8)
        assert torch.equal(mine, published(random_maps(1), random_maps(2), threshold, 8))
    assert 0 < int(mine.sum()) < 64


def test_outside_is_the_source_and_inside_the_target_bit_for_bit() -> None:
    one, xs = blend(0.9), latents()
    done = one(0, xs)
    mask = one.mask(8, 8).expand(1, 4, 8, 8)
    assert 0 < int(mask.sum()) < mask.numel()
    assert torch.equal(done["tgt"][~mask], xs["src"][~mask])
    assert torch.equal(done["tgt"][mask], xs["tgt"][mask])
    assert done["src"] is xs["src"]


def test_the_mask_shrinks_as_the_threshold_rises() -> None:
    masks = [blend(t / 20).mask(8, 8) for t in range(21)]
    for wide, narrow in pairwise(masks):
        assert not (narrow & ~wide).any()
    assert masks[0].all() and not masks[-1].any()


def test_the_scale_of_the_maps_does_not_matter() -> None:
    assert torch.equal(blend(0.7).mask(8, 8), blend(0.7, scale=64.0).mask(8, 8))
    many = LocalBlend(kept(random_maps(1), random_maps(2), count=40), WORDS, threshold=0.7)
    assert torch.equal(many.mask(8, 8), blend(0.7).mask(8, 8)), "a sum serves as well as a mean"


def test_subtracted_words_are_taken_out_unwidened() -> None:
    whole, less = blend(0.5).mask(4, 4), blend(0.5, subtract=True).mask(4, 4)
    bench = torch.zeros(4, 4, dtype=torch.bool)
    for seed in (1, 2):
        shown = random_maps(seed)[..., BENCH].sum(-1)
        bench |= shown / shown.max() > 0.5
    assert torch.equal(less, whole & ~bench)
    assert not torch.equal(less, whole)


def test_either_prompt_may_open_the_mask() -> None:
    quiet = torch.zeros(4, 4, 9)
    corner = quiet.clone()
    corner[0, 0, 3] = 1
    opened = torch.zeros(4, 4, dtype=torch.bool)
    opened[:2, :2] = True
    for source, target in ((corner, quiet), (quiet, corner)):
        assert torch.equal(LocalBlend(kept(source, target), WORDS).mask(4, 4), opened)


def test_a_word_without_attention_opens_nothing() -> None:
    xs = latents()
    for maps in (torch.zeros(4, 4, 9), -random_maps(1)):
        done = LocalBlend(kept(maps, maps), WORDS)(0, xs)
        assert torch.equal(done["tgt"], xs["src"])


def test_it_begins_with_its_first_step() -> None:
    one, xs = blend(0.9, start=2), latents()
    assert one(0, xs) is xs and one(1, xs) is xs
    assert not torch.equal(one(2, xs)["tgt"], xs["tgt"])


def test_masks_are_kept_for_whoever_wants_to_look() -> None:
    meter = Meter()
    one = LocalBlend(blend().keep, WORDS, {}, 0.8, 1, meter)
    for i in range(3):
        one(i, latents())
    masks = meter.maps["blend"]
    assert masks.shape == (2, 8, 8) and masks.dtype == torch.bool
    assert torch.equal(masks[-1], one.mask(8, 8))
    assert meter.notes["blend"] == [float(masks[-1].float().mean())] * 2


def test_which_branch_is_blended_into_which_is_said_by_name() -> None:
    keep = Keep(frozenset())
    keep.sums.update({"before+": random_maps(1), "after+": random_maps(2)})
    keep.counts.update({"before+": 1, "after+": 1})
    named = LocalBlend(keep, {"before": CAT, "after": CAT}, source="before", target="after")
    xs = latents()
    made = named(0, {"before": xs["src"], "after": xs["tgt"]})
    assert torch.equal(made["after"], blend()(0, xs)["tgt"])
    assert torch.equal(made["before"], xs["src"])
