import pytest
import torch
from tests.kit import clean, gap, shared, text

from overpaint.families.tiny import SHAPES, Shape
from overpaint.guides import Plain
from overpaint.methods.generate import Generate
from overpaint.model import Branch, Line, Model
from overpaint.noise import Noise
from overpaint.path import Latent
from overpaint.sample import denoise
from overpaint.task import Task

STEPS = 3


def task(shape: Shape, prompt: str = "a cat on the grass", seed: int = 0) -> Task:
    null = shared(shape).family.null()
    return Task((1, 4, 8, 8), null, Noise(seed), given_target=text(shape, prompt))


def made(model: Model, method: Generate, given: Task) -> Latent:
    with torch.no_grad():
        return method(model, given)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_guided_walk_from_the_seeds_noise(shape: Shape) -> None:
    model, given = shared(shape), task(shape, seed=5)
    path, x = model.path(STEPS), Noise(5).normal((1, 4, 8, 8), "start")
    with torch.no_grad():
        for i in range(STEPS):
            lines = [Line("-", given.null), Line("+", given.target)]
            p = model.rows(torch.cat([x, x]), i, path, ["a-", "a+"], lines)
            eps = p.eps[:1] + 4 * (p.eps[1:] - p.eps[:1])
            x0 = p.x0[:1] + 4 * (p.x0[1:] - p.x0[:1])
            x = path.alpha[i + 1] * x0 + path.sigma[i + 1] * eps
    assert gap(made(model, Generate(steps=STEPS, guidance=4), given), x) <= 1e-4
    assert clean(model)


def test_no_guidance_is_the_conditional_walk() -> None:
    model, given = shared("sd1"), task("sd1")
    with torch.no_grad():
        plain = denoise(model, model.path(STEPS), {"x": given.start()}, [Branch("x", Plain(given.target))])[
            "x"
        ]
    assert gap(made(model, Generate(steps=STEPS, guidance=1), given), plain) <= 1e-4


def test_guidance_zero_ignores_the_prompt() -> None:
    method = Generate(steps=STEPS, guidance=0)
    one, other = (made(shared("sd1"), method, task("sd1", p)) for p in ("a cat", "a dog on the grass"))
    assert torch.equal(one, other)


def test_prompt_and_seed_matter() -> None:
    method = Generate(steps=STEPS)
    results = [
        made(shared("sd1"), method, t) for t in (task("sd1"), task("sd1", "a dog"), task("sd1", seed=1))
    ]
    assert gap(results[0], results[1]) > 1e-2 and gap(results[0], results[2]) > 1e-2
    assert torch.equal(results[0], made(shared("sd1"), method, task("sd1")))


def test_rows_are_those_on_the_card() -> None:
    model, method = shared("sd1"), Generate(steps=STEPS)
    before = model.meter.rows
    made(model, method, task("sd1"))
    assert (model.meter.rows - before,) * 2 == method.card.cost(method).rows == (6, 6)


def test_other_sizes() -> None:
    model = shared("sd1")
    given = Task((1, 4, 6, 10), model.family.null(), Noise(0), given_target=text("sd1", "a cat"))
    assert made(model, Generate(steps=2), given).shape == (1, 4, 6, 10)
