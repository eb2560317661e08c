"""The one formula against the schedulers of the installed diffusers."""

from dataclasses import replace
from importlib import import_module
from itertools import product
from typing import Any

import pytest
import torch
from tests.kit import draw, gap, numbers
from tests.oracles.frozen import kept
from torch import Tensor

from overpaint.families.schedule import schedule_of
from overpaint.path import Path
from overpaint.sample import ddim, stochastic

diffusers: Any = import_module("diffusers")

STEPS = (50, 20, 7)
KINDS = ("epsilon", "v_prediction", "sample")
TOLERANCE = {"epsilon": 2e-6, "v_prediction": 2e-6, "sample": 2e-5}  # sample: eps is divided by a small sigma


def config(**more: Any) -> dict[str, Any]:
    """The schedule of Stable Diffusion."""
    table = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    return {**table, "clip_sample": False, **more}


def some(steps: int) -> list[int]:
    """The first steps, the last ones and every seventh between them."""
    return sorted({*range(0, steps, 7), 1, steps - 2, steps - 1})


def exact(stock: Any, table: Tensor) -> Any:
    """A stock scheduler with the table in float64: its own, in float32, is 5e-7 off."""
    assert gap(stock.alphas_cumprod, table) < 1e-6
    one = bool(stock.config.set_alpha_to_one)
    stock.alphas_cumprod = table
    if hasattr(stock, "initial_alpha_cumprod"):
        stock.initial_alpha_cumprod = torch.ones((), dtype=table.dtype) if one else table[0]
    else:
        stock.final_alpha_cumprod = torch.ones((), dtype=table.dtype) if one else table[0]
    return stock


GRIDS = [*product(("leading",), (0, 1), (False, True)), *product(("trailing",), (0,), (False, True))]


@pytest.mark.parametrize(("spacing", "offset", "to_one"), GRIDS)
@pytest.mark.parametrize("kind", KINDS)
def test_steps_are_those_of_ddim(kind: str, spacing: str, offset: int, to_one: bool) -> None:
    told = config(
        prediction_type=kind, timestep_spacing=spacing, steps_offset=offset, set_alpha_to_one=to_one
    )
    for steps in STEPS:
        if spacing == "trailing" and 1000 % steps:
            continue  # there diffusers steps to levels it never visits; see the next test
        schedule = schedule_of(told)
        stock = exact(diffusers.DDIMScheduler(**told), schedule.bars)
        stock.set_timesteps(steps)
        path = schedule.path(steps)
        assert torch.equal(path.t, stock.timesteps)
        for i in some(steps):
            t = stock.timesteps[i]
            x, out, z = draw(3, 1, 4, 8, 8, seed=i).unbind()
            p = path.read(x, out, i)
            want = stock.step(out, t, x).prev_sample
            noisy = stock.step(out, t, x, eta=1.0, variance_noise=z).prev_sample
            assert gap(ddim(path, i, x, p), want) <= TOLERANCE[kind]
            assert gap(stochastic([z] * steps)(path, i, x, p), noisy) <= TOLERANCE[kind]
            assert gap(stochastic([z] * steps, eta=0.0)(path, i, x, p), want) <= TOLERANCE[kind]


@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_visited_levels_are_those_of_ddim(spacing: str) -> None:
    for steps in (2, 4, 5, 7, 10, 20, 25, 50, 100, 250, 500, 999, 1000):
        stock = diffusers.DDIMScheduler(**config(timestep_spacing=spacing))
        stock.set_timesteps(steps)
        assert torch.equal(schedule_of(config(timestep_spacing=spacing)).levels(steps), stock.timesteps)


@pytest.mark.parametrize("spacing", ["trailing", "linspace"])
@pytest.mark.parametrize("to_one", [False, True])
def test_a_step_lands_where_the_next_begins(spacing: str, to_one: bool) -> None:
    """The stock sampler subtracts a fixed stride, so 7 steps land beside its own grid; a path's do not."""
    schedule = schedule_of(config(timestep_spacing=spacing, set_alpha_to_one=to_one))
    path = schedule.path(7)
    end = 1.0 if to_one else float(schedule.bars[0])
    assert torch.equal(path.alpha[:-1], schedule.bars[path.t].sqrt())
    assert float(path.alpha[-1]) == pytest.approx(end**0.5, abs=1e-15)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("offset", [0, 1])
def test_inversion_step_is_that_of_the_inverse_scheduler(kind: str, offset: int) -> None:
    """Of the noise that the network's answer means at the level it was told."""
    told = config(prediction_type=kind, steps_offset=offset, set_alpha_to_one=False)
    for steps in STEPS:
        schedule = schedule_of(told)
        inverse = diffusers.DDIMInverseScheduler(**{**told, "prediction_type": "epsilon"})
        stock = exact(inverse, schedule.bars)
        stock.set_timesteps(steps)
        path = schedule.path(steps)
        assert numbers(stock.timesteps) == numbers(path.t.flip(0))
        for i in some(steps):
            t = stock.timesteps[steps - 1 - i]
            x, out = draw(2, 1, 4, 8, 8, seed=i).unbind()
            ours = path.at(path.read(x, out, i, level=i + 1), i)
            theirs = stock.step(path.read(x, out, i).eps, t, x).prev_sample
            assert gap(ours, theirs) <= TOLERANCE[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_is_carried_as_it_is_goes_the_way_of_the_inverse_scheduler(kind: str) -> None:
    """The same as the noise in it for epsilon; for other kinds another step."""
    told = config(prediction_type=kind, set_alpha_to_one=False)
    schedule = schedule_of(told)
    path = schedule.path(50)
    answer = replace(path, convention="diffusers")
    stock = exact(diffusers.DDIMInverseScheduler(**told), schedule.bars)
    stock.set_timesteps(50)
    apart: list[float] = []
    for i in some(50):
        x, out = draw(2, 1, 4, 8, 8, seed=i).unbind()
        theirs = stock.step(out, stock.timesteps[49 - i], x).prev_sample
        assert gap(answer.at(answer.read(x, out, i, level=i + 1), i), theirs) <= TOLERANCE[kind]
        apart.append(gap(path.at(path.read(x, out, i, level=i + 1), i), theirs))
    assert max(apart) <= TOLERANCE[kind] if kind == "epsilon" else max(apart) > 0.01


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_flow_steps_are_those_of_euler(shift: float) -> None:
    stock = diffusers.FlowMatchEulerDiscreteScheduler(shift=shift)
    for steps in STEPS:
        stock.set_timesteps(steps)
        path = Path(stock.timesteps, 1 - stock.sigmas, stock.sigmas, "flow")
        for i, t in enumerate(stock.timesteps):  # every one: this scheduler counts its own steps
            x, out = draw(2, 1, 4, 8, 8, seed=i).unbind()
            ours = ddim(path, i, x, path.read(x, out, i))
            assert gap(ours, stock.step(out, t, x).prev_sample) <= 2e-6


KEPT_STEPS, KEPT_PLACES = 20, (0, 1, 10, 18, 19)
"""Of the kept steps: how many there are, and which of them were kept."""


def asked(i: int) -> Tensor:
    """A latent, what the network says of it, and a draw."""
    return draw(3, 1, 4, 2, 2, seed=i)


def table_of(spacing: str, offset: int, to_one: bool, kind: str) -> dict[str, Any]:
    told = {"timestep_spacing": spacing, "steps_offset": offset, "set_alpha_to_one": to_one}
    return config(prediction_type=kind, **told)


def theirs() -> dict[str, Tensor]:
    """What is kept of the schedulers: where they lead, place by place."""
    found = dict[str, Tensor]()
    for kind, grid in product(KINDS, GRIDS):
        told = table_of(*grid, kind)
        stock = exact(diffusers.DDIMScheduler(**told), schedule_of(told).bars)
        stock.set_timesteps(KEPT_STEPS)
        plain, noisy = list[Tensor](), list[Tensor]()
        for i in KEPT_PLACES:
            (x, out, z), t = asked(i).unbind(), stock.timesteps[i]
            plain.append(stock.step(out, t, x).prev_sample)
            noisy.append(stock.step(out, t, x, eta=1.0, variance_noise=z).prev_sample)
        found[f"ddim {kind} {grid}"], found[f"ddpm {kind} {grid}"] = torch.cat(plain), torch.cat(noisy)
    for kind in KINDS:
        told = config(prediction_type=kind, set_alpha_to_one=False)
        stock = exact(diffusers.DDIMInverseScheduler(**told), schedule_of(told).bars)
        stock.set_timesteps(KEPT_STEPS)
        back = [(asked(i), stock.timesteps[KEPT_STEPS - 1 - i]) for i in KEPT_PLACES]
        found[f"inverse {kind}"] = torch.cat([stock.step(one[1], t, one[0]).prev_sample for one, t in back])
    return found


@pytest.mark.parametrize(("spacing", "offset", "to_one"), GRIDS)
@pytest.mark.parametrize("kind", KINDS)
def test_steps_are_those_that_ddim_took(kind: str, spacing: str, offset: int, to_one: bool) -> None:
    grid, stored = (spacing, offset, to_one), kept("schedulers")
    path = schedule_of(table_of(*grid, kind)).path(KEPT_STEPS)
    for place, i in enumerate(KEPT_PLACES):
        x, out, z = asked(i).double().unbind()
        p, draws = path.read(x, out, i), [z] * KEPT_STEPS
        plain, noisy = (stored[f"{name} {kind} {grid}"][place : place + 1] for name in ("ddim", "ddpm"))
        assert gap(ddim(path, i, x, p), plain) <= TOLERANCE[kind]
        assert gap(stochastic(draws)(path, i, x, p), noisy) <= TOLERANCE[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_inversion_steps_are_those_that_the_inverse_scheduler_took(kind: str) -> None:
    schedule = schedule_of(config(prediction_type=kind, set_alpha_to_one=False))
    path = replace(schedule.path(KEPT_STEPS), convention="diffusers")
    for place, i in enumerate(KEPT_PLACES):
        x, out, _ = asked(i).double().unbind()
        stored = kept("schedulers")[f"inverse {kind}"][place : place + 1]
        assert gap(path.at(path.read(x, out, i, level=i + 1), i), stored) <= TOLERANCE[kind]
