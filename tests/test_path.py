"""Levels, and the one formula between latents, predictions and levels."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from overpaint.errors import OverpaintError
from overpaint.path import Kind, Path, Prediction, Schedule
from tests.kit import draw, gap, numbers

KINDS: tuple[Kind, ...] = ("epsilon", "v_prediction", "sample", "flow")
BARS = (1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2).cumprod(0)


def path_of(kind: Kind, steps: int = 10, dtype: torch.dtype = torch.float64) -> Path:
    if kind != "flow":
        return Schedule(BARS, kind, offset=1).path(steps)
    flow = Path.flow(steps, shift=3.0)
    return replace(flow, alpha=1 - flow.sigma.to(dtype), sigma=flow.sigma.to(dtype))


def output(kind: Kind, p: Prediction, alpha: Tensor, sigma: Tensor) -> Tensor:
    """What a perfect network of that kind would say about a prediction."""
    match kind:
        case "epsilon":
            return p.eps
        case "v_prediction":
            return alpha * p.eps - sigma * p.x0
        case "sample":
            return p.x0
        case "flow":
            return p.eps - p.x0


@pytest.mark.parametrize("kind", KINDS)
def test_read_undoes_at(kind: Kind) -> None:
    path = path_of(kind)
    x0, eps = draw(2, 1, 4, 6, 5).double().unbind()
    for i in range(len(path)):
        p = Prediction(x0, eps)
        back = path.read(path.at(p, i), output(kind, p, path.alpha[i], path.sigma[i]), i)
        assert gap(back.x0, x0) < 1e-11
        assert gap(back.eps, eps) < 1e-11


@pytest.mark.parametrize("kind", KINDS)
def test_at_undoes_read(kind: Kind) -> None:
    path = path_of(kind)
    x, out = draw(2, 2, 4, 6, 5).double().unbind()
    for i in range(len(path)):
        assert gap(path.at(path.read(x, out, i), i), x) < 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_a_mix_of_outputs_is_the_mix_of_predictions(kind: Kind) -> None:
    """Guidance may be written on predictions because both parts are affine in the output."""
    path, w = path_of(kind), 7.5
    x, a, b = draw(3, 1, 4, 6, 5).double().unbind()
    mixed = path.read(x, a + w * (b - a), 4)
    toward = path.read(x, a, 4).toward(path.read(x, b, 4), w)
    assert gap(mixed.x0, toward.x0) < 1e-11
    assert gap(mixed.eps, toward.eps) < 1e-11


def test_toward_takes_a_weight_per_element() -> None:
    a, b = (Prediction(*draw(2, 1, 4, 6, 5, seed=s).unbind()) for s in (1, 2))
    where = torch.zeros(1, 1, 6, 5)
    where[..., 3:, :] = 1
    mixed = a.toward(b, where)
    assert torch.equal(mixed.eps[..., :3, :], a.eps[..., :3, :])
    assert gap(mixed.x0[..., 3:, :], b.x0[..., 3:, :]) < 1e-6


def test_row_keeps_its_axis() -> None:
    p = Prediction(*draw(2, 3, 4, 6, 5).unbind())
    assert p.row(1).x0.shape == (1, 4, 6, 5)
    assert torch.equal(p.row(2).eps[0], p.eps[2])


def test_noised_is_at() -> None:
    path, (x0, eps) = path_of("epsilon"), draw(2, 1, 4, 6, 5).double().unbind()
    assert torch.equal(path.noised(x0, eps, 3), path.at(Prediction(x0, eps), 3))


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_levels_keep_variance(kind: Kind) -> None:
    path = path_of(kind, 50)
    assert len(path) == 50
    assert path.alpha.shape == path.sigma.shape == (51,)
    assert gap(path.alpha**2 + path.sigma**2, torch.ones(51)) < 1e-12
    assert bool((path.alpha.diff() > 0).all())


def test_flow_is_straight_and_ends_clean() -> None:
    path = Path.flow(4)
    assert numbers(path.t) == [1000, 750, 500, 250]
    assert numbers(path.alpha) == [0, 0.25, 0.5, 0.75, 1]
    assert numbers(Path.flow(4, shift=3.0).sigma) == pytest.approx([1, 0.9, 0.75, 0.5, 0])


def test_posterior_without_eta_is_the_deterministic_step() -> None:
    path, p = path_of("epsilon"), Prediction(*draw(2, 1, 4, 6, 5).double().unbind())
    mean, std = path.posterior(p, 3, eta=0.0)
    assert float(std) == 0
    assert gap(mean, path.at(p, 4)) < 1e-12


def test_posterior_keeps_the_variance_of_the_next_level() -> None:
    path, p = path_of("epsilon"), Prediction(torch.zeros(1, 4, 6, 5), torch.ones(1, 4, 6, 5))
    for eta in (0.3, 1.0):
        mean, std = path.posterior(p, 3, eta)
        assert float(mean.flatten()[0]) ** 2 + float(std) ** 2 == pytest.approx(float(path.sigma[4]) ** 2)
    assert float(std) > 0


def test_last_ends_where_the_path_ends() -> None:
    path = path_of("epsilon", 10)
    short = path.last(3)
    assert len(short) == 3
    assert torch.equal(short.t, path.t[7:])
    assert torch.equal(short.alpha, path.alpha[7:])
    assert torch.equal(path.last(10).sigma, path.sigma)


def test_last_of_nothing_is_the_data_end() -> None:
    path = path_of("epsilon", 10)
    empty = path.last(0)
    assert len(empty) == 0
    assert torch.equal(empty.alpha, path.alpha[-1:])


@pytest.mark.parametrize("n", [-1, 11])
def test_last_refuses_what_is_not_there(n: int) -> None:
    with pytest.raises(OverpaintError, match=f"no last {n} steps"):
        path_of("epsilon", 10).last(n)


def test_on_visits_the_levels_it_is_given() -> None:
    full = Schedule(BARS, "epsilon").path()
    path = full.on(torch.tensor([999, 759, 499, 0]))
    assert numbers(path.t) == [999, 759, 499, 0]
    assert gap(path.alpha[:-1].double(), BARS[path.t].sqrt()) < 1e-7
    assert path.alpha[-1] == full.alpha[-1]
    assert len(full.on(torch.tensor([], dtype=torch.long))) == 0


def test_on_refuses_levels_that_are_not_there() -> None:
    with pytest.raises(OverpaintError, match="no level 1000"):
        Schedule(BARS, "epsilon").path().on(torch.tensor([1000, 500]))


def test_the_training_path_has_every_level() -> None:
    path = Schedule(BARS, "epsilon", offset=1).path()
    assert numbers(path.t) == list(range(999, -1, -1))
    assert gap(path.alpha[:-1].double(), BARS.flip(0).sqrt()) < 1e-7


def test_a_thousand_steps_with_an_offset_stay_on_the_grid() -> None:
    """The stock sampler asks for level 1000 of 1000 here and fails."""
    path = Schedule(BARS, "epsilon", offset=1).path(1000)
    assert len(path) == 1000
    assert int(path.t.max()) == 999
    assert int(path.t[-1]) == 1
    assert gap(path.alpha[-1].double(), BARS[0].sqrt()) < 1e-7
    x, out = draw(2, 1, 4, 6, 5).unbind()
    assert torch.isfinite(path.at(path.read(x, out, 0), 1)).all()


def test_offset_can_be_chosen() -> None:
    schedule = Schedule(BARS, "epsilon", offset=1)
    assert schedule.path(50).t[-1] == 1
    assert schedule.path(50, offset=0).t[-1] == 0


def test_data_end_may_be_free_of_noise() -> None:
    assert Schedule(BARS, "epsilon", to_one=True).path(10).sigma[-1] == 0
    assert Schedule(BARS, "epsilon").path(10).sigma[-1] > 0


@pytest.mark.parametrize("steps", [0, -3, 1001])
def test_steps_out_of_range(steps: int) -> None:
    with pytest.raises(OverpaintError, match=f"between 1 and 1000, not {steps}"):
        Schedule(BARS, "epsilon").path(steps)


def test_levels_are_in_double_precision_and_latents_stay_as_they_are() -> None:
    path, x = path_of("epsilon"), torch.ones(1, 4, 2, 2)
    assert path.alpha.dtype == path.sigma.dtype == torch.float64
    mean, std = path.posterior(path.read(x, x, 1), 1)
    assert x.dtype == path.noised(x, x, 0).dtype == mean.dtype == (std * x).dtype


def test_the_end_of_a_path_remembers_the_whole() -> None:
    path = Schedule(BARS, "epsilon").path(10)
    assert (path.steps, path.last(7).steps, path.last(7).last(3).steps) == (10, 10, 10)
    assert Schedule(BARS, "epsilon").path().on(torch.tensor([900, 500])).last(1).steps == 2


def test_a_learned_variance_lies_between_its_bounds() -> None:
    path, one = Schedule(BARS, "epsilon").path(10), torch.ones(1, 1, 1, 1)
    low, high = (path.variance(Prediction(one, one, k * one), 3) for k in (-1, 1))
    beta = 1 - (path.alpha[3] / path.alpha[4]) ** 2
    assert float(high) == pytest.approx(float(beta), rel=1e-6)
    assert float(low) == pytest.approx(float(beta * (path.sigma[4] / path.sigma[3]) ** 2), rel=1e-6)
    last, before = (path.variance(Prediction(one, one, -one), i) for i in (9, 8))
    assert torch.equal(last, before)
    with pytest.raises(OverpaintError, match="did not learn a variance"):
        path.variance(Prediction(one, one), 3)


@pytest.mark.parametrize(("steps", "levels"), [(1, [999]), (4, [999, 759, 499, 259]), (3, [999, 679, 339])])
def test_few_levels_are_spread_over_those_that_are_known(steps: int, levels: list[int]) -> None:
    every = Schedule(BARS, "epsilon").path()
    few = every.few(steps)
    assert numbers(few.t) == levels and few.steps == steps
    assert float(few.alpha[-1]) == float(every.alpha[-1])
    assert numbers(every.few(50).t) == list(range(999, 0, -20))


@pytest.mark.parametrize(("steps", "known"), [(0, 50), (51, 50), (4, 1001)])
def test_more_levels_than_there_are_cannot_be_visited(steps: int, known: int) -> None:
    with pytest.raises(OverpaintError, match="take fewer steps"):
        Schedule(BARS, "epsilon").path().few(steps, known)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample", "flow"])
def test_an_answer_is_read_anew_where_the_latent_moved(kind: Kind) -> None:
    a, s = torch.tensor([0.6, 1.0]).double(), torch.tensor([0.8, 0.0]).double()
    path = Path(torch.tensor([500]), a, 1 - a if kind == "flow" else s, kind)
    x, out, by = (torch.randn(1, 4, 2, 2, generator=torch.Generator().manual_seed(k)) for k in range(3))
    there, again = path.read(x + by, out, 0), path.reread(path.read(x, out, 0), by, 0)
    assert torch.allclose(there.x0, again.x0, atol=1e-5) and torch.allclose(there.eps, again.eps, atol=1e-5)
    stayed = path.reread(path.read(x, out, 0), 0 * by, 0)
    assert torch.equal(stayed.x0, path.read(x, out, 0).x0)
