"""Grids of their own: as published, and the laws of walks and mixtures on them."""

import pytest
import torch
from tests.inversions.setting import plane
from tests.kit import clean, draw, gap, shared
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.families.tiny import tiny
from overpaint.guides import Plain
from overpaint.meter import Meter
from overpaint.model import Branch
from overpaint.path import Prediction
from overpaint.sample import denoise
from overpaint.tune.asymmetric import Share, Start, grid, mixed, mixture, stairs, to_noise
from overpaint.tune.patch import Weights

X0 = draw(1, 4, 8, 8, seed=3)


def test_grids_are_those_of_the_published_code() -> None:
    assert grid(500, 6) == [500, 400, 300, 200, 100, 0]
    assert grid(500, 40)[-4:] == [38, 25, 12, 0] and grid(500, 40)[:3] == [500, 487, 474]
    assert grid(1, 2) == [1, 0]
    for steps in (1, 503):
        with pytest.raises(UsageError, match="cannot be spread over the levels from 0 to 500"):
            grid(500, steps)


def test_stairs_end_without_noise_or_at_the_first_level() -> None:
    model = shared("sd1")
    clean_end, first = (stairs(model, 400, 5, end) for end in ("clean", "first"))
    every = model.path()
    assert [int(t) for t in clean_end.t] == [400, 300, 200, 100, 0]
    assert float(clean_end.alpha[-1]) == 1 and float(clean_end.sigma[-1]) == 0
    assert float(first.alpha[-1]) == float(first.alpha[-2]) == float(every.alpha[-2])
    with pytest.raises(UsageError, match="levels up to 999, not 1000"):
        stairs(model, 1000, 5)


def test_a_constant_network_is_walked_there_and_back_exactly() -> None:
    """Up and down the same grid, ending at the first level: the picture again."""
    model, _ = plane(heed=0.0)
    text = model.family.text("x")
    path = stairs(model, 500, 9, "first")
    up = to_noise(model, path, X0.double(), text)
    (back,) = denoise(model, path, {"tgt": up}, [Branch("tgt", Plain(text))]).values()
    assert gap(back, X0.double()) < 1e-9


def test_there_is_a_call_less_than_levels_on_the_way_up() -> None:
    model, meter = tiny("sd1"), Meter()
    with torch.no_grad(), model.metered(meter):
        to_noise(model, stairs(model, 400, 7), X0, model.family.text("a cat"))
    assert (meter.calls, meter.rows) == (6, 6)


def test_the_network_is_told_the_level_of_the_latent() -> None:
    model, family = plane()
    to_noise(model, stairs(model, 400, 5), X0, family.text("x"))
    assert family.told == [0, 100, 200, 300]


def answers(*several: tuple[float, float]) -> Prediction:
    return mixed([(Prediction(X0 * k, X0 + k), share) for k, share in several])


def test_shares_of_answers() -> None:
    alone = answers((2, 1.0))
    assert torch.equal(alone.x0, X0 * 2) and torch.equal(alone.eps, X0 + 2)
    both = answers((2, 0.25), (4, 0.75))
    assert gap(both.x0, X0 * 3.5) < 1e-5 and gap(both.eps, X0 + 3.5) < 1e-5
    assert gap(answers((2, 0.3), (2, 0.7)).eps, alone.eps) < 1e-6


def test_networks_without_a_share_are_not_asked_and_alike_ones_change_nothing() -> None:
    model, meter = tiny("sd1"), Meter()
    text, path = model.family.text("a cat"), stairs(model, 400, 4)
    branch = Branch("tgt", Plain(text))
    name = "conv_in.bias"
    bias = dict(model.net.named_parameters())[name].detach()
    same, other = Weights({name: bias.clone()}), Weights({name: bias + 1})
    with torch.no_grad(), model.metered(meter):
        plain = denoise(model, path, {"tgt": X0}, [branch])["tgt"]
        asked = meter.rows
        shares: dict[str, list[Share]] = {
            "none": [(None, 1.0), (other, 0.0)],
            "alike": [(None, 0.4), (same, 0.6)],
            "other": [(None, 0.4), (other, 0.6)],
        }
        runs = dict[str, Tensor]()
        for key, own in shares.items():
            solver = mixture(model, lambda t, own=own: own)
            runs[key] = denoise(model, path, {"tgt": X0}, [branch], solver=solver)["tgt"]
    assert torch.equal(runs["none"], plain)
    assert gap(runs["alike"], plain) < 1e-5 and gap(runs["other"], plain) > 1e-3
    assert meter.rows == asked + asked + 2 * asked + 2 * asked and clean(model)


def test_a_start_that_could_do_nothing_is_refused() -> None:
    assert Start(by="noise", rounds=3, official=True).rounds == 3
    assert Start(bring=8, official=True).bring == 8
    with pytest.raises(ValueError, match="gives the same in every round"):
        Start(rounds=2)
    with pytest.raises(ValueError, match="draws no noise"):
        Start(official=True)
