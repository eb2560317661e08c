"""Regularised inversion: what is left of DDIM inversion without it, what it does to noise, whom it serves."""

import pytest
import torch
from tests.inversions.setting import Setting, setting
from tests.kit import gap

from overpaint.errors import NotFinite
from overpaint.families.tiny import SHAPES, Shape
from overpaint.guides import CFG
from overpaint.inversions import DDIM, NegativePrompt, Regularised
from overpaint.inversions.base import CONDITIONAL
from overpaint.inversions.regularised import PIX2PIX_ZERO_PAPER, official
from overpaint.meter import Cancelled, Meter
from overpaint.noise import Noise
from overpaint.path import Latent
from overpaint.tune.whiten import excess

OFF: list[dict[str, float]] = [{"ac": 0, "kl": 0}, {"rounds": 0}]


def run(s: Setting, inversion: Regularised, seed: int = 0) -> Latent:
    guide = CFG(s.source, s.null, 3.0)
    return inversion.run(s.model, s.path, s.x0, guide, Noise(seed)).latents


@pytest.mark.parametrize("off", OFF)
@pytest.mark.parametrize("shape", SHAPES)
def test_without_descents_it_is_ddim(shape: Shape, off: dict[str, float]) -> None:
    s, inversion = setting(shape), Regularised.model_validate(off)
    # The latent is read off the noise anew, so that the last digits may differ.
    assert gap(run(s, inversion), s.run(DDIM()).latents) < 1e-5
    assert not inversion.random and inversion.cost(4) == DDIM().cost(4)
    assert s.model.meter.updates == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_with_the_source_prompt_for_the_empty_one_the_way_back_is_that_of_negative_prompts(
    shape: Shape,
) -> None:
    s = setting(shape)
    mine, theirs = s.walk(Regularised(rounds=0)), s.walk(NegativePrompt())
    assert gap(s.home(mine)["tgt"][-1], s.home(theirs)["tgt"][-1]) < 1e-4
    assert (Regularised().source_rows, Regularised(negative="nothing").source_rows) == (1, 2)


@pytest.mark.parametrize("shape", SHAPES)
def test_with_the_empty_prompt_the_way_back_is_that_of_ddim(shape: Shape) -> None:
    s = setting(shape)
    mine, theirs = s.walk(Regularised(rounds=0, negative="nothing")), s.walk(DDIM())
    assert gap(s.home(mine)["tgt"][-1], s.home(theirs)["tgt"][-1]) < 1e-4


def test_the_source_asks_for_a_row_that_tells_all_unless_somebody_reads_the_other() -> None:
    s = setting()
    for reads, rows in ((CONDITIONAL, 3), (frozenset({"src+", "src-"}), 4)):
        walk = s.walk(Regularised(rounds=0), reads=reads)
        before = s.model.meter.rows
        s.home(walk)
        assert s.model.meter.rows - before == rows * len(s.path)


@pytest.mark.parametrize("shape", SHAPES)
def test_noise_ends_whiter_than_without(shape: Shape) -> None:
    s = setting(shape, steps=8)
    plain, mine = (run(s, one)[:1] for one in (Regularised(rounds=0), Regularised(ac=0.0, kl=5.0)))
    assert abs(float(excess(mine))) < abs(float(excess(plain)))


def test_the_seed_says_which_shifts_are_drawn() -> None:
    s = setting()
    one, again, other = (run(s, Regularised(), seed) for seed in (0, 0, 1))
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert Regularised().random and not Regularised(ac=0).random
    assert torch.equal(*(run(s, Regularised(ac=0), seed) for seed in (0, 1)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "inversion",
    [
        Regularised(rounds=2, rolls=3),
        Regularised(kl=0),
        Regularised(ac=0),
        Regularised(guidance=2, rounds=1),
        Regularised(grid="official", rounds=1),
        Regularised(rounds=0),
    ],
)
def test_the_work_is_what_the_cost_says(shape: Shape, inversion: Regularised) -> None:
    s = setting(shape)
    run(s, inversion)
    meter, cost = s.model.meter, inversion.cost(4)
    assert (meter.rows, meter.rows) == cost.rows and (meter.updates, meter.updates) == cost.updates
    assert (meter.backwards, meter.backwards) == cost.backwards == (0, 0)


def test_the_published_levels_are_a_training_level_off_and_two_fewer() -> None:
    s = setting(steps=5)
    mine, bars = official(s.model, s.path), s.model.family.schedule.bars
    assert [int(t) for t in s.path.t] == [801, 601, 401, 201, 1]
    assert [int(t) for t in mine.t] == [601, 401, 201]
    assert torch.equal(mine.alpha, bars[[800, 600, 400, 200]].sqrt())
    latents = run(s, Regularised(grid="official"))
    assert len(latents) == 6 and torch.equal(latents[-2], s.x0[0]) and torch.equal(latents[-3], s.x0[0])


@pytest.mark.parametrize("steps", [1, 2])
def test_too_few_steps_for_the_published_levels_leave_the_picture(steps: int) -> None:
    s = setting(steps=steps)
    latents = run(s, Regularised(grid="official"))
    assert len(latents) == steps + 1 and torch.equal(latents, s.x0.expand_as(latents))
    assert s.model.meter.rows == 0 == Regularised(grid="official").cost(steps).rows[1]


def test_descents_that_are_too_steep_are_a_sentence() -> None:
    s = setting()
    with pytest.raises(NotFinite, match=r"at step 4: its descents are too steep; lower the options 'ac'"):
        run(s, Regularised(ac=1000, kl=1000, rounds=20))


@pytest.mark.parametrize("stop", [1, 2, 7, 20])
def test_a_cancel_at_any_moment_leaves_everything_as_it_was(stop: int) -> None:
    s, ticks = setting(steps=2), list[int]()

    def tick(meter: Meter) -> None:
        ticks.append(meter.updates)
        if len(ticks) == stop:
            meter.cancel()

    with torch.no_grad(), s.model.metered(Meter(on_tick=tick)), pytest.raises(Cancelled):
        run(s, Regularised())
    assert torch.is_grad_enabled()
    assert not any(p.requires_grad or p.grad is not None for p in s.model.net.parameters())
    assert not s.x0.requires_grad and not s.source.states.requires_grad


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_types_are_regularised_in_full(dtype: torch.dtype) -> None:
    s = setting(dtype=dtype)
    latents = run(s, Regularised(rounds=1))
    assert latents.dtype == torch.promote_types(dtype, torch.float32) and bool(latents.isfinite().all())


def test_it_cites_its_paper_first() -> None:
    assert Regularised().papers[0] is PIX2PIX_ZERO_PAPER
