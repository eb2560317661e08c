"""GLIDE: what is known stays, what is guided by nothing is plain sampling, and what a pull of CLIP does."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tests.kit import draw, gap, shared
from tests.parity.walking import watched
from torch import Tensor
from torch.nn.functional import normalize

from overpaint.contract.checks import in_double_precision
from overpaint.contract.trial import SIZE, mask, picture, run
from overpaint.errors import UsageError
from overpaint.families.noisy import NoisyTower
from overpaint.families.tiny import tiny, tiny_eye
from overpaint.guides import CFG
from overpaint.guides.known import Known
from overpaint.guides.noisy_clip import Pulled, glimpse_of
from overpaint.meter import Meter
from overpaint.methods.glide import Glide, guide, painted, steps
from overpaint.model import Branch, Model
from overpaint.path import Latent
from overpaint.sample import denoise
from overpaint.task import Request, Task

STEPS = 4
WEIGHT = draw(16, 4 * 8 * 8, seed=9)


class Matrix:
    """Stands in for a tower that sees latents of the tiny models and their level: one matrix."""

    def __call__(self, pixel_values: Tensor, interpolate_pos_encoding: bool) -> SimpleNamespace:
        seen = (pixel_values[:, :4] + 0.1 * pixel_values[:, 4:]).flatten(1).tanh()
        return SimpleNamespace(image_embeds=seen @ WEIGHT.T)


TOWER = NoisyTower(Matrix())


def seeing(model: Model | None = None) -> Model:
    return replace(model or shared(), open_eye=lambda: replace(tiny_eye(), noisy=TOWER))


def task(where: Tensor | None = None, model: Model | None = None, seed: int = 0) -> Task:
    request = Request(target="a photo of a dog", seed=seed)
    given = mask() if where is None else where
    return Task.of(model or shared(), request, Glide.card.needs, picture(), SIZE, mask=given)


def made(given: Task, model: Model | None = None, meter: Meter | None = None, **options: object) -> Latent:
    method = Glide.model_validate({"steps": STEPS, **options})
    return run(model or shared(), method, given, meter).latents[0]


def test_what_is_known_is_the_picture_at_every_step_and_at_the_end() -> None:
    for shape in ("sd1", "sd1-inpaint"):
        model = watched(shared(shape))
        given = task(model=model)
        end, keep = made(given, model), 1 - given.region("touched")
        for belief in model.believed:
            assert torch.equal(belief["tgt"] * keep, given.x0 * keep)
        assert torch.equal(end * keep, given.x0 * keep) and gap(end, given.x0) > 1e-2


def test_where_all_is_known_the_picture_comes_back_bit_for_bit() -> None:
    model, given = shared(), task()
    nothing = torch.zeros(1, 1, 8, 8)
    led = Known(CFG(given.target, given.null, 3.0), given.x0, nothing)
    for path in (model.path(STEPS), replace(model.family.schedule, to_one=True).path(STEPS)):
        with torch.no_grad():
            end = painted(model, path, given.start(), led, "ancestral", given)
        assert torch.equal(end, given.x0)


@pytest.mark.parametrize("sampler", ["ancestral", "ddim"])
def test_where_nothing_is_known_it_is_plain_sampling_of_the_same_network(sampler: Any) -> None:
    given, model = task(torch.ones(1, 1, *SIZE)), shared()
    branch = Branch("tgt", CFG(given.target, given.null, 5.0))
    with torch.no_grad():
        start = {"tgt": given.start()}
        plain = denoise(model, model.path(STEPS), start, [branch], solver=steps(sampler, given))["tgt"]
    assert gap(made(given, sampler=sampler, guidance=5.0), plain) < 1e-5 * float(plain.abs().max())


def test_an_inpainting_network_does_not_know_what_was_in_the_hole() -> None:
    model = shared("sd1-inpaint")
    given = task(model=model)
    pixels, x0 = given.pixels.clone(), given.x0.clone()
    pixels[..., : SIZE[1] // 2], x0[..., :4] = 0.3, 7.0
    other = made(replace(given, given_pixels=pixels, given_x0=x0), model)
    assert torch.equal(made(given, model), other)


@pytest.mark.parametrize(
    ("options", "work"),
    [
        ({}, (8, 0, 0)),
        ({"guidance": 1.0}, (4, 0, 0)),
        ({"guidance": 1.0, "strength": 3.0}, (4, 4, 4)),
        ({"strength": 3.0, "sampler": "ddim"}, (8, 4, 4)),
    ],
)
def test_guidance_takes_a_second_row_and_clip_a_look_and_its_way_back(
    options: dict[str, Any], work: tuple[int, int, int]
) -> None:
    meter = Meter()
    made(task(), seeing(), meter, **options)
    assert (meter.rows, meter.backwards, meter.looks) == work
    cost = Glide.card.cost(Glide.model_validate({"steps": STEPS, **options}))
    assert (cost.rows[1], cost.backwards[1], cost.looks[1]) == work


@pytest.mark.parametrize("sampler", ["ancestral", "ddim"])
def test_no_strength_is_no_pull_and_some_brings_the_result_nearer_to_the_prompt(sampler: Any) -> None:
    model = seeing(tiny())
    in_double_precision(model)  # a gradient is asked for by other kernels, which round otherwise
    given = task(torch.ones(1, 1, *SIZE), model)
    o = Glide.model_validate({"steps": STEPS, "sampler": sampler, "strength": 1.0, "guidance": 1.0})
    led = guide(o, model, given)
    assert isinstance(led, Pulled)

    def end(strength: float) -> Latent:
        with torch.no_grad():
            pulled = replace(led, strength=strength)
            return painted(model, model.path(STEPS), given.start(), pulled, sampler, given)

    def likeness(x: Latent) -> float:
        return float((TOWER.through(x, model.path(STEPS).t[-1]) * led.wish).sum())

    assert gap(end(0.0), made(given, model, sampler=sampler, guidance=1.0)) < 1e-5  # latents are in float32
    assert likeness(end(0.5)) > likeness(end(0.0))
    assert not end(0.5).requires_grad


def test_a_pull_is_the_gradient_of_the_logit() -> None:
    wish, x, t = normalize(draw(1, 16, seed=4), dim=-1), draw(1, 4, 8, 8), torch.tensor(300)
    eye = glimpse_of(seeing())
    led = Pulled(CFG(task().target, task().null), eye, wish, 2.0, "mean")
    found, step = led.pull(x, t), 1e-2 * draw(1, 4, 8, 8, seed=5)
    logit = [100 * float((TOWER.through(x + s, t) * wish).sum()) for s in (step, -step)]
    assert float((found * step).sum()) == pytest.approx(logit[0] - logit[1], rel=1e-2)


def test_what_could_not_act_is_said_before_the_network_is_asked() -> None:
    meter = Meter()
    blind = replace(shared(), open_eye=tiny_eye)
    with pytest.raises(UsageError, match="has seen clean pictures only"):
        made(task(), blind, meter, strength=3.0)
    with pytest.raises(UsageError, match="no image tower of CLIP"):
        made(task(), meter=meter, strength=3.0)
    with pytest.raises(UsageError, match="thinner than a cell"):
        thin = torch.zeros(1, 1, *SIZE)
        thin[..., 5, 4:20] = 1
        made(task(thin), meter=meter, cells="half")
    with pytest.raises(UsageError, match="has seen clean pictures only"):
        tiny_eye().through(draw(1, 4, 8, 8), torch.tensor(5))
    assert meter.calls == 0
