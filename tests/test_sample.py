"""The two walks and their steps; their laws are in `laws/test_inversion.py`."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
import torch

from overpaint.errors import NotFinite
from overpaint.guides import Plain
from overpaint.model import Branch, Call, Guide, Line, Model
from overpaint.path import Latent, Path, Prediction
from overpaint.sample import Latents, compose, ddim, denoise, each, noise, second_order, stochastic
from tests.kit import Spy, draw, gap, pair, shared, single, text


def test_ddim_puts_the_prediction_on_the_next_level() -> None:
    path, p = shared().path(4), Prediction(*draw(2, 1, 4, 8, 8).unbind())
    assert torch.equal(ddim(path, 1, p.x0, p), path.at(p, 2))


def test_stochastic_takes_the_noise_of_its_step() -> None:
    path, p = shared().path(4), Prediction(*draw(2, 1, 4, 8, 8).unbind())
    draws = list(draw(4, 1, 4, 8, 8, seed=2))
    mean, std = path.posterior(p, 1, 0.5)
    assert torch.equal(stochastic(draws, 0.5)(path, 1, p.x0, p), mean + std * draws[1])


def test_behind_a_step_that_leads_nowhere_a_step_of_second_order_is_one_of_first() -> None:
    """Of a thousand steps the first two are told the noisiest level."""
    path, x = shared().path(1000), draw(1, 4, 8, 8)
    p, before = Prediction(x, x), Prediction(x + 1, x)
    assert int(path.t[0]) == int(path.t[1])
    (mean, std), (first, same) = (second_order(path, 1, x, p, past) for past in (before, None))
    assert torch.equal(mean, first) and float(std) == float(same) > 0
    assert gap(second_order(path, 2, x, p, before)[0], second_order(path, 2, x, p, None)[0]) > 0


def test_compose_goes_from_left_to_right() -> None:
    def add(i: int, xs: Latents) -> Latents:
        return {k: x + i for k, x in xs.items()}

    def double(i: int, xs: Latents) -> Latents:
        return {k: 2 * x for k, x in xs.items()}

    x = {"t": torch.zeros(1, 4, 8, 8)}
    assert float(compose(add, None, double)(3, x)["t"].max()) == 6
    assert float(compose(double, add)(3, x)["t"].max()) == 3
    assert compose()(3, x)["t"] is x["t"]


def test_after_sees_every_step_and_its_word_is_final() -> None:
    model, x, seen = shared(), draw(1, 4, 8, 8), list[int]()

    def pin(i: int, xs: Latents) -> Latents:
        seen.append(i)
        return {**xs, "src": torch.full_like(x, float(i))}

    out = denoise(model, model.path(3), {"src": x, "tgt": x}, pair(), after=pin)
    assert seen == [0, 1, 2]
    assert torch.equal(out["src"], torch.full_like(x, 2.0))


def test_a_pinned_row_is_what_the_next_call_starts_from() -> None:
    """Without controls the target does not feel that the source was replaced: rows are independent."""
    model, x = shared(), draw(1, 4, 8, 8)

    def pin(i: int, xs: Latents) -> Latents:
        return {**xs, "src": x}

    free = denoise(model, model.path(3), {"src": x, "tgt": x}, pair())["tgt"]
    pinned = denoise(model, model.path(3), {"src": x, "tgt": x}, pair(), after=pin)["tgt"]
    assert gap(free, pinned) < 1e-5 * float(free.abs().max())


def test_the_start_is_not_written_to() -> None:
    model, x = shared(), draw(1, 4, 8, 8)
    xs = {"src": x, "tgt": x}
    denoise(model, model.path(2), xs, pair())
    noise(model, model.path(2), x, single())
    assert torch.equal(x, draw(1, 4, 8, 8))
    assert xs.keys() == {"src", "tgt"}


def test_noise_returns_noise_end_first() -> None:
    model, x = shared(), draw(1, 4, 8, 8)
    latents = noise(model, model.path(5), x, single())
    assert len(latents) == 6
    assert latents[-1] is x
    again = noise(model, model.path(5).last(2), x, single())
    assert torch.equal(again[0], latents[3])


def test_dtype_and_shape_are_kept() -> None:
    model = shared()
    for dtype in (torch.float32, torch.float64):
        x = draw(1, 4, 6, 10).to(dtype)
        out = denoise(model, model.path(2), {"src": x}, [single()])["src"]
        assert (out.shape, out.dtype) == (x.shape, dtype)


@dataclass(frozen=True)
class Momentum(Guide):
    """A guide with memory: it notes every step of its own walk."""

    inner: Plain
    steps: list[int] = field(default_factory=list[int])

    def begin(self) -> Guide:
        return Momentum(self.inner)

    def lines(self, i: int) -> Sequence[Line]:
        return self.inner.lines(i)

    def combine(self, own: Mapping[str, Prediction], call: Call) -> Prediction:
        assert len(self.steps) == call.i, "a walk began with the memory of another"
        self.steps.append(call.i)
        return own["+"]


def test_a_guide_with_memory_starts_afresh() -> None:
    model, x, guide = shared(), draw(1, 4, 8, 8), Momentum(Plain(text("sd1", "a cat")))
    for _ in range(2):
        denoise(model, model.path(2), {"t": x}, [Branch("t", guide)])
    assert guide.steps == []


def test_a_custom_step_is_taken() -> None:
    model, x, asked = shared(), draw(1, 4, 8, 8), list[int]()

    def stay(path: Path, i: int, latent: Latent, p: Prediction) -> Latent:
        asked.append(i)
        return latent

    assert torch.equal(denoise(model, model.path(3), {"src": x}, [single()], solver=each(stay))["src"], x)
    assert asked == [0, 1, 2]


def failing(monkeypatch: pytest.MonkeyPatch, model: Model, bad: float, call: int) -> None:
    """From that call on the network gives a value that is no number."""
    calls = [0]

    def answer(x: Latent) -> Latent:
        calls[0] += 1
        return x if calls[0] < call else torch.full_like(x, bad)

    Spy(answer).on(model, monkeypatch)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_walk_stops_at_the_step_whose_latents_are_no_numbers(
    bad: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, x = shared(), draw(1, 4, 8, 8)
    failing(monkeypatch, model, bad, 3)
    with pytest.raises(NotFinite, match="numbers at step 3 of 5: the network itself gave them"):
        denoise(model, model.path(5), {"src": x, "tgt": x}, pair())
    failing(monkeypatch, model, bad, 2)
    with pytest.raises(NotFinite, match="numbers at step 4 of 5"):  # the second from the data end
        noise(model, model.path(5), x, single())


def test_the_likely_cause_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = shared(), draw(1, 4, 8, 8)
    with pytest.raises(NotFinite, match=r"at step 1 of 5: the guidance is too high; lower it"):
        denoise(model, model.path(5), {"src": x, "tgt": x}, pair(scale=1e39))
    failing(monkeypatch, model, math.nan, 1)
    with pytest.raises(NotFinite, match=r"at step 1 of 5: the guidance is too high; lower it"):
        denoise(model, model.path(5), {"src": 2e3 * x, "tgt": x}, pair())
    half = Model(model.net, model.family, dtype=torch.float16)
    failing(monkeypatch, half, math.inf, 1)
    with pytest.raises(NotFinite, match="float16, which overflows; choose the type bfloat16"):
        denoise(half, half.path(5), {"src": x, "tgt": x}, pair())


def test_large_latents_that_are_numbers_go_on() -> None:
    model, x = shared(), 1e6 * draw(1, 4, 8, 8)
    assert torch.isfinite(denoise(model, model.path(2), {"src": x}, [single()])["src"]).all()
