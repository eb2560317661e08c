import pytest
import torch
from tests.inversions.setting import plane, setting

from overpaint.families.tiny import SHAPES, Shape
from overpaint.files.fingerprint import tensor_hash
from overpaint.guides import CFG
from overpaint.inversions import DDIM, NullText
from overpaint.inversions.null_text import NULL_TEXT_PAPER
from overpaint.meter import Cancelled, Meter
from overpaint.model import Model
from overpaint.noise import Noise


@pytest.mark.parametrize("shape", SHAPES)
def test_without_updates_it_is_ddim(shape: Shape) -> None:
    s = setting(shape)
    mine, plain = s.walk(NullText(inner=0)), s.walk(DDIM())
    assert torch.equal(mine.trajectory.latents, plain.trajectory.latents)
    assert torch.equal(s.home(mine)["tgt"][-1], s.home(plain)["tgt"][-1])
    assert NullText(inner=0).cost(4) == DDIM().cost(4)


@pytest.mark.parametrize("shape", SHAPES)
def test_at_guidance_one_the_empty_text_stays_as_it_was(shape: Shape) -> None:
    s = setting(shape)
    nulls = s.run(NullText(inner=3, stop=0, relax=0), scale=1.0).nulls
    assert nulls is not None
    assert torch.equal(nulls, s.null.states.expand_as(nulls))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("stop, updates", [(1e9, 1), (0.0, 3)])
def test_work_lies_between_one_update_a_step_and_all(shape: Shape, stop: float, updates: int) -> None:
    s, inversion = setting(shape), NullText(inner=3, stop=stop, relax=0)
    s.run(inversion)
    meter, cost, n = s.model.meter, inversion.cost(4), 4
    assert (meter.updates, meter.backwards) == (updates * n, updates * n)
    assert meter.rows == n + n * (1 + updates + 1)
    assert meter.rows in cost.rows and meter.backwards in cost.backwards and meter.updates in cost.updates


@pytest.mark.parametrize("shape", SHAPES)
def test_tuning_brings_the_source_home(shape: Shape) -> None:
    s = setting(shape)
    tuned = s.home(s.walk(NullText(inner=10, lr=0.1), 5.0))["src"][-1]
    plain = s.home(s.walk(DDIM(), 5.0))["src"][-1]
    assert float((tuned - s.x0).square().mean()) < 0.5 * float((plain - s.x0).square().mean())


@pytest.mark.parametrize("shape", SHAPES)
def test_every_step_has_a_text_of_its_own_that_goes_on_from_the_one_before(shape: Shape) -> None:
    s = setting(shape)
    traj = s.run(NullText(inner=2, stop=0, relax=0))
    assert traj.nulls is not None and traj.nulls.shape == (4, *s.null.states.shape[1:])
    steps = torch.cat([s.null.states, traj.nulls]).diff(dim=0).abs().amax((1, 2))
    # Two updates of Adam move an element by at most twice the rate; the rates fall from 0.01 on.
    assert bool((steps > 0).all()) and bool((steps < 2.2e-2).all())
    assert (traj.pooled is None) == (shape != "sdxl")


@pytest.mark.parametrize("shape", SHAPES)
def test_no_step_is_worse_for_its_updates(shape: Shape) -> None:
    s = setting(shape)
    s.run(NullText(inner=3, lr=1e-3, stop=0, relax=0))
    losses = s.model.meter.notes["loss"]  # each measured ahead of its update
    assert len(losses) == 4 * 3
    for i in range(4):
        before, *after = losses[3 * i : 3 * i + 3]
        assert max(after) < before


def test_the_network_is_told_ascending_levels_then_descending_ones() -> None:
    model, family = plane(heed=0.1)
    path, guide = model.path(4), CFG(family.text("cat"), family.null(), 3.0)
    NullText(inner=2, stop=0, relax=0).run(model, path, torch.ones(1, 4, 4, 4), guide, Noise(0))
    levels = [int(t) for t in path.t]
    # At each step of the way back: the prompt, two updates, and the empty text that they lead to.
    assert family.told == levels[::-1] + [t for t in levels for _ in range(4)]
    assert levels == sorted(levels, reverse=True)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_source_walks_alone_as_it_does_beside_a_target(shape: Shape) -> None:
    s = setting(shape, dtype=torch.float64)
    walk = s.walk(NullText(inner=2, lr=0.1, stop=0, relax=0))
    alone, beside = walk.home(s.model)["src"], walk.run(s.model)
    assert float((alone - beside["src"]).abs().max()) < 1e-9
    plain = s.walk(DDIM()).home(s.model)["src"]
    assert float((alone - plain).abs().max()) > 1e-3, "it walks with the tuned texts"


def test_a_network_that_cannot_be_tuned_stops_after_one_update() -> None:
    model, family = plane(heed=0.0)
    guide = CFG(family.text("cat"), family.null(), 3.0)
    NullText().run(model, model.path(3), torch.zeros(1, 4, 4, 4), guide, Noise(0))
    assert model.meter.updates == 3


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_network_in_half_precision_is_tuned_in_full(dtype: torch.dtype) -> None:
    inversion = NullText(inner=2, stop=0.0, relax=0.0)
    half, full = setting(dtype=dtype).run(inversion).nulls, setting().run(inversion).nulls
    assert half is not None and full is not None and half.dtype == torch.float32
    moves = [nulls[:1] - setting().null.states for nulls in (half, full)]
    assert float(moves[0].abs().median()) > 1e-2
    assert float((moves[0].sign() == moves[1].sign()).float().mean()) > 0.8


def test_beyond_fifty_steps_the_rate_stays_positive() -> None:
    model, family = plane()
    x0 = torch.ones(1, 4, 4, 4)
    guide = CFG(family.text("cat"), family.null(), 2.0)
    traj = NullText(inner=1).run(model, model.path(120), x0, guide, Noise(0))
    assert traj.nulls is not None
    moves = traj.nulls[:, 0, 0].diff().abs()
    assert float(moves[0]) == pytest.approx(1e-2, rel=0.02)
    assert float(moves[-1]) == pytest.approx(5e-3, rel=0.02)


def touched(model: Model) -> tuple[str, bool, bool]:
    parameters = list(model.net.parameters())
    gradients = any(p.requires_grad or p.grad is not None for p in parameters)
    return tensor_hash(*model.net.state_dict().values()), gradients, torch.is_grad_enabled()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_cancel_at_any_moment_leaves_everything_as_it_was(shape: Shape) -> None:
    s, inversion = setting(shape, steps=2), NullText(inner=1, stop=0, relax=0)
    before, text = touched(s.model), s.null.states.clone()
    count = len(ticks_until(s.model, shape, inversion, None))
    assert count == 2 + 2 * (2 + 3)
    for stop in range(1, count):
        ticks_until(s.model, shape, inversion, stop)
        assert touched(s.model) == before
    assert torch.equal(s.null.states, text)
    assert not s.null.states.requires_grad


def ticks_until(model: Model, shape: Shape, inversion: NullText, stop: int | None) -> list[int]:
    """Run the inversion, cancelled after a number of ticks; returns what was counted."""
    ticks: list[int] = []

    def tick(meter: Meter) -> None:
        ticks.append(meter.calls)
        if len(ticks) == stop:
            meter.cancel()

    s = setting(shape, steps=2)
    with torch.no_grad(), model.metered(Meter(on_tick=tick)):
        guide = CFG(s.source, s.null, 3.0)
        if stop is None:
            inversion.run(model, s.path, s.x0, guide, Noise(0))
        else:
            with pytest.raises(Cancelled):
                inversion.run(model, s.path, s.x0, guide, Noise(0))
    return ticks


def test_it_cites_its_paper_first() -> None:
    assert NullText().papers[0] is NULL_TEXT_PAPER
