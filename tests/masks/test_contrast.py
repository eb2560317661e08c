"""The contrast of two prompts as a mask: what it depends on, and what it does not."""

from dataclasses import replace

import pytest
import torch
from tests.inversions.setting import Setting, setting
from tests.kit import draw, gap
from torch import Tensor

from overpaint.masks.contrast import Contrast, contrast, same
from overpaint.network import Text
from overpaint.noise import Noise
from overpaint.path import Latent
from overpaint.task import Task


def copies(s: Setting, n: int, seed: int = 0) -> list[Latent]:
    return [s.path.noised(s.x0, draw(*s.x0.shape, seed=seed + k).to(s.x0), 0) for k in range(n)]


def found(s: Setting, n: int, one: Text, other: Text, seed: int = 0) -> Tensor:
    with torch.no_grad():
        return contrast(s.model, s.path, copies(s, n, seed), one, other)


def task(s: Setting, seed: int = 0) -> Task:
    shape = s.model.shape(32, 32)
    return Task(shape, s.null, Noise(seed), given_x0=s.x0, given_source=s.source, given_target=s.target)


def test_it_is_the_mean_difference_over_copies_and_channels() -> None:
    s = setting(dtype=torch.float64)
    per_copy = [found(s, 1, s.source, s.target, k) for k in range(5)]
    assert gap(found(s, 5, s.source, s.target), torch.stack(per_copy).mean(0)) < 1e-12


def test_the_order_of_the_prompts_makes_no_difference() -> None:
    s = setting(dtype=torch.float64)
    assert gap(found(s, 3, s.source, s.target), found(s, 3, s.target, s.source)) < 1e-12


def test_one_text_twice_has_no_contrast_and_no_mask() -> None:
    for shape in ("sd1", "sd2", "sdxl"):
        s = setting(shape)
        again = replace(s.source, states=s.source.states.clone())
        none = found(s, 2, s.source, again)
        assert float(none.abs().max()) == 0
        assert float(Contrast().cut(none).max()) == 0
    assert same(s.source, s.source)
    assert not same(s.source, s.target)
    assert not same(s.source, replace(s.source, pooled=None))


def test_a_factor_on_the_difference_changes_no_mask() -> None:
    """So guidance, which is one where both sides share the empty prompt, need not be computed."""
    d = draw(1, 1, 8, 8).abs()
    for factor in (0.01, 7.5):
        assert torch.equal(Contrast().cut(factor * d), Contrast().cut(d))


def test_the_mask_is_what_exceeds_a_multiple_of_the_mean() -> None:
    d = draw(1, 1, 16, 16).abs() ** 3
    areas: list[float] = []
    for clamp, threshold in ((1.5, 0.5), (3.0, 0.5), (4.0, 0.5), (4.0, 0.75)):
        mask = Contrast(clamp=clamp, threshold=threshold).cut(d)
        assert torch.equal(mask, (d > clamp * threshold * d.mean()).to(d))
        areas.append(float(mask.mean()))
    assert areas == sorted(areas, reverse=True)
    assert areas[0] > areas[-1] > 0


def test_a_mask_can_be_widened() -> None:
    d = torch.zeros(1, 1, 7, 7)
    d[..., 3, 3] = 1
    assert [float(Contrast(grow=k).cut(d).sum()) for k in (0, 1, 2)] == [1, 9, 25]


def test_more_copies_make_it_steadier() -> None:
    s = setting()

    def spread(n: int) -> float:
        several = torch.stack([found(s, n, s.source, s.target, 100 * k) for k in range(8)])
        return float(several.var(0).mean())

    assert spread(8) < 0.3 * spread(1)


@pytest.mark.parametrize("samples", [1, 3, 4])
def test_it_asks_for_two_rows_a_copy_and_four_at_once(samples: int) -> None:
    s = setting(steps=6)
    before = s.model.meter.rows
    with torch.no_grad():
        Contrast(samples=samples).mask(s.model, s.path, task(s))
    assert s.model.meter.rows - before == 2 * samples == Contrast(samples=samples).rows
    assert s.model.meter.widest <= 4


def test_what_the_target_is_contrasted_with() -> None:
    s = setting(steps=4)
    with torch.no_grad():
        source, nothing = (
            Contrast.model_validate({"reference": what, "clamp": 2, "samples": 2}).mask(
                s.model, s.path, task(s)
            )
            for what in ("source", "nothing")
        )
        unsaid = Contrast(clamp=2, samples=2).mask(s.model, s.path, replace(task(s), given_source=None))
    assert torch.equal(nothing, unsaid)
    assert not torch.equal(nothing, source)


def test_the_picture_may_be_encoded_anew_for_each_copy() -> None:
    s = setting(steps=4)
    given = replace(task(s), given_pixels=draw(1, 3, 32, 32).clamp(-1, 1))
    with torch.no_grad():
        one, other = (
            Contrast(resample=how, samples=1, clamp=2).mask(s.model, s.path, given) for how in (False, True)
        )
    assert not torch.equal(one, other)
