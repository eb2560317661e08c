"""Laws of the two walks: what goes to noise and back, and what guidance is when it is not guidance."""

from typing import Any

import pytest
import torch
from tests import kit
from tests.kit import Spy, draw, gap, levels, shared, single, text
from torch import Tensor

from overpaint.families.tiny import tiny
from overpaint.guides import CFG, Plain
from overpaint.model import Branch, Model
from overpaint.path import Path
from overpaint.sample import denoise, each, noise, stochastic


@pytest.mark.parametrize("shape", kit.SHAPES)
def test_guidance_at_scale_one_is_none(shape: Any) -> None:
    model, x, prompt = shared(shape), draw(1, 4, 8, 8), text(shape, "a cat on the grass")
    guided = denoise(model, model.path(4), {"t": x}, [Branch("t", CFG(prompt, text(shape, ""), 1.0))])["t"]
    plain = denoise(model, model.path(4), {"t": x}, [Branch("t", Plain(prompt))])["t"]
    assert gap(guided, plain) < 1e-5 * float(plain.abs().max())


@pytest.mark.parametrize("shape", kit.SHAPES)
def test_guidance_towards_itself_is_none(shape: Any) -> None:
    """The negative-prompt identity: with the null text set to the prompt the scale has no effect."""
    model, x, prompt = shared(shape), draw(1, 4, 8, 8), text(shape, "a cat on the grass")
    guided = denoise(model, model.path(4), {"t": x}, [Branch("t", CFG(prompt, prompt, 7.5))])["t"]
    plain = denoise(model, model.path(4), {"t": x}, [Branch("t", Plain(prompt))])["t"]
    assert gap(guided, plain) < 1e-4 * float(plain.abs().max())


def round_trip(model: Model, path: Path, x0: Tensor) -> float:
    latents = noise(model, path, x0, single("sd1"))
    return gap(denoise(model, path, {"src": latents[0]}, [single("sd1")])["src"], x0)


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("offset", [0, 1])
def test_a_network_that_always_says_the_same_is_inverted_exactly(
    offset: int, dtype: torch.dtype, limit: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, eps = shared("sd1"), draw(1, 4, 8, 8, seed=2)
    Spy(lambda x: eps.to(x)).on(model, monkeypatch)
    path = model.path(20, offset=offset)
    assert round_trip(model, path, 0.5 * draw(1, 4, 8, 8).to(dtype)) < limit


def test_flow_is_inverted_exactly_when_the_velocity_is_constant(monkeypatch: pytest.MonkeyPatch) -> None:
    model, velocity = shared("sd1"), draw(1, 4, 8, 8, seed=2)
    Spy(lambda x: velocity.to(x)).on(model, monkeypatch)
    assert round_trip(model, Path.flow(20, shift=3.0), draw(1, 4, 8, 8)) < 1e-5


@pytest.mark.parametrize("shape", kit.SHAPES)
def test_every_step_is_undone_by_what_was_said(shape: Any) -> None:
    """With the output recorded on the way up the way down is exact, for any network."""
    model, path, x0 = shared(shape), shared(shape).path(5), draw(1, 4, 8, 8).double()
    latents = noise(model, path, x0, single(shape))
    for i in range(len(path)):
        p = model.predict({"src": latents[i + 1]}, i, path, [single(shape)], level=i + 1)["src"]
        assert gap(path.at(p, i), latents[i]) < 1e-11
        assert gap(path.at(p, i + 1), latents[i + 1]) < 1e-11


def test_the_first_step_of_an_inversion_without_offset_is_the_identity() -> None:
    """There the data end is the first training level itself; with SD's offset of one it is not."""
    model, x0 = shared("sd1"), draw(1, 4, 8, 8)
    still = noise(model, model.path(5, offset=0), x0, single("sd1"))
    assert torch.equal(still[-1], x0)
    assert gap(still[-2], x0) < 1e-6
    moved = noise(model, model.path(5), x0, single("sd1"))
    assert gap(moved[-2], x0) > 1e-4


def test_the_network_is_called_once_a_step_towards_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    model, spy = shared("sd1"), Spy()
    spy.on(model, monkeypatch)
    path = model.path(6)
    latents = noise(model, path, draw(1, 4, 8, 8), single("sd1"))
    assert len(latents) == 7
    assert spy.told == sorted(levels(path))
    spy.told.clear()
    denoise(model, path, {"src": latents[0]}, [single("sd1")])
    assert spy.told == levels(path)


class Smooth(Spy):
    """A denoiser that changes slowly: what it says of the noise is a smooth function of the latent."""

    def __init__(self) -> None:
        super().__init__(lambda x: torch.tanh(0.7 * x + 0.3 * x.roll(1, -1)))


def test_error_falls_as_steps_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x0 = shared("sd1"), draw(1, 4, 8, 8)
    Smooth().on(model, monkeypatch)
    errors = [round_trip(model, model.path(n), x0.double()) for n in (5, 10, 20, 40, 80)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.2 * errors[0]


def test_no_steps_are_no_walk() -> None:
    model, x = shared("sd1"), draw(1, 4, 8, 8)
    assert torch.equal(denoise(model, model.path(4).last(0), {"src": x}, [single("sd1")])["src"], x)
    assert len(noise(model, model.path(4).last(0), x, single("sd1"))) == 1


def test_the_stochastic_step_without_eta_is_the_deterministic_one() -> None:
    model, x = shared("sd1"), draw(1, 4, 8, 8)
    step = stochastic(list(draw(4, 1, 4, 8, 8)), eta=0.0)
    a = denoise(model, model.path(4), {"src": x}, [single("sd1")], solver=each(step))["src"]
    b = denoise(model, model.path(4), {"src": x}, [single("sd1")])["src"]
    assert gap(a, b) < 1e-5 * float(b.abs().max())


@pytest.mark.parametrize("shape", kit.SHAPES)
def test_a_walk_is_the_same_twice_and_in_a_fresh_model(shape: Any) -> None:
    x, branch = draw(1, 4, 8, 8), single(shape)
    once, again, fresh = (
        denoise(model, model.path(3), {"src": x}, [branch])["src"]
        for model in (shared(shape), shared(shape), tiny(shape))
    )
    assert torch.equal(once, again)
    assert torch.equal(once, fresh)
