"""The blend of three branches on maps put into the record by hand, beside the published steps in loops."""

from collections.abc import Sequence

import pytest
import torch
from tests.kit import draw, shared
from torch import Tensor

from overpaint.controls import Keep
from overpaint.masks.layout_blend import HEAT, LayoutBlend
from overpaint.meter import Meter
from overpaint.path import Latent, Path
from overpaint.words import Alignment

TOKENS, STEPS = 9, 5
DOG, BENCH = [3], [5, 6]


def maps(seed: int) -> Tensor:
    return draw(4, 4, TOKENS, seed=seed).mul(2).softmax(-1)


def alignment() -> Alignment:
    """Every token follows its own, but the third, which is new, and the sixth, which follows the seventh."""
    matrix, kept = torch.eye(TOKENS), torch.ones(TOKENS)
    matrix[:, 3], kept[3] = 0, 0
    matrix[6, 6], matrix[7, 6] = 0, 1
    return Alignment(matrix, kept)


def blend(change: Sequence[int] = (), stay: Sequence[int] = (), **more: float) -> LayoutBlend:
    keep = Keep(frozenset())
    for seed, role in enumerate(("src+", "mut+", "tgt+")):
        keep.sums[role], keep.counts[role] = 3 * maps(seed), 3
    thresholds = more.get("threshold", 0.5), more.get("stay_threshold", 0.6)
    return LayoutBlend(keep, alignment(), change, stay, *thresholds, path(), Meter())


def path() -> Path:
    return shared().path(STEPS)


def latents() -> dict[str, Latent]:
    return {name: draw(1, 4, 8, 8, seed=10 + k) for k, name in enumerate(("src", "mut", "tgt"))}


def place(seed: int, tokens: Sequence[int], threshold: float) -> Tensor:
    """Where any of the words has its place, cell by cell."""
    other, own, found = maps(seed), maps(2), torch.zeros(8, 8)
    for y in range(8):
        for x in range(8):
            read = [
                float(own[y // 2, x // 2, j] if j == 3 else other[y // 2, x // 2, 7 if j == 6 else j])
                for j in tokens
            ]
            found[y, x] = max(read)
    return found / found.max() > threshold


@pytest.mark.parametrize("i", [1, 2, 3])
def test_it_is_the_published_one(i: int) -> None:
    xs = latents()
    made = blend(DOG, BENCH)(i, xs)["tgt"]
    hot = max(0.5, HEAT / float(path().alpha[i]))
    want = torch.where(place(1, DOG, hot), xs["tgt"], xs["mut"])
    want = torch.where(place(0, BENCH, 0.6), xs["src"], want)
    assert torch.equal(made, want)


def test_words_that_do_both_are_put_back_before_the_last_step_alone() -> None:
    xs = latents()
    both = place(1, DOG, 0.5)
    assert bool(both.any()) and not bool(both.all())
    late = blend(DOG, DOG)(STEPS - 2, xs)["tgt"]
    want = torch.where(place(1, DOG, max(0.5, HEAT / float(path().alpha[STEPS - 2]))), xs["tgt"], xs["mut"])
    assert torch.equal(late, torch.where(both, xs["mut"], want))
    assert torch.equal(blend(DOG, DOG)(1, xs)["tgt"], blend(DOG)(1, xs)["tgt"])


def test_without_words_and_at_both_ends_nothing_is_put_back() -> None:
    xs = latents()
    assert torch.equal(blend()(2, xs)["tgt"], xs["tgt"])
    for i in (0, STEPS - 1):
        assert blend(DOG, BENCH)(i, xs) is xs


def test_only_the_target_is_touched_and_the_mask_is_shown() -> None:
    xs, one = latents(), blend(DOG, BENCH)
    made = one(2, xs)
    assert made["src"] is xs["src"] and made["mut"] is xs["mut"]
    shown = one.meter.maps["mask"].bool()
    assert torch.equal(made["tgt"][0, 0][shown], xs["tgt"][0, 0][shown])
    assert not torch.equal(made["tgt"], xs["tgt"])


def test_a_word_weighted_away_has_no_place() -> None:
    one, xs = blend([4]), latents()
    for role in one.keep.sums:
        one.keep.sums[role][..., 4] = 0
    assert torch.equal(one(2, xs)["tgt"], xs["mut"])
