import pytest
import torch
from tests.kit import clean, draw, gap, shared, text

from overpaint.errors import UsageError
from overpaint.families.tiny import SHAPES, Shape
from overpaint.methods.generate import Generate
from overpaint.methods.sdedit import SDEdit
from overpaint.model import Line
from overpaint.noise import Noise, Replay
from overpaint.path import Latent
from overpaint.task import Task

NOISE = draw(1, 4, 8, 8, seed=9)


def task(shape: Shape = "sd1", prompt: str = "a dog on the grass", seed: int = 0) -> Task:
    null = shared(shape).family.null()
    x0 = draw(1, 4, 8, 8, seed=7)
    return Task((1, 4, 8, 8), null, Noise(seed), given_x0=x0, given_target=text(shape, prompt))


def edited(method: SDEdit, given: Task, shape: Shape = "sd1") -> Latent:
    with torch.no_grad():
        return method(shared(shape), given)


@pytest.mark.parametrize("shape", SHAPES)
def test_strength_zero_keeps_the_picture_and_costs_nothing(shape: Shape) -> None:
    given, before = task(shape), shared(shape).meter.rows
    assert torch.equal(edited(SDEdit(steps=5, strength=0), given, shape), given.x0)
    assert shared(shape).meter.rows == before
    with pytest.raises(UsageError, match="a larger strength"):
        SDEdit(steps=5, strength=0).check(shared(shape), given)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_begins_with_the_noised_picture(shape: Shape) -> None:
    """What follows the noising is the guided walk over the last steps."""
    model, method = shared(shape), SDEdit(steps=5, strength=0.4)
    given = task(shape)
    path, lines = model.path(5).last(2), [Line("-", given.null), Line("+", given.target)]
    noise = given.noise.normal((1, 4, 8, 8), "sdedit")
    x = path.alpha[0] * given.x0 + path.sigma[0] * noise
    with torch.no_grad():
        for i in range(2):
            both = model.rows(torch.cat([x, x]), i, path, ["-", "+"], lines)
            x0, eps = (part[:1] + 7.5 * (part[1:] - part[:1]) for part in (both.x0, both.eps))
            x = path.alpha[i + 1] * x0 + path.sigma[i + 1] * eps
    assert gap(edited(method, given, shape), x) <= 1e-4
    assert clean(model)


def test_less_strength_stays_nearer() -> None:
    given = task()
    far = [gap(edited(SDEdit(steps=10, strength=s / 10), given), given.x0) for s in (0, 2, 5, 10)]
    assert far == sorted(far) and far[0] == 0


def test_full_strength_is_almost_text_to_image() -> None:
    """The noisiest level still holds a few percent of the picture; without those it is `Generate`."""
    model, method = shared("sd1"), SDEdit(steps=4, strength=1.0)
    path = model.path(4)
    start = NOISE * path.sigma[0]
    drawn = Replay({("sdedit",): NOISE, ("start",): start})
    given = Task((1, 4, 8, 8), model.family.null(), drawn, draw(1, 4, 8, 8) * 0, None, text("sd1", "a dog"))
    with torch.no_grad():
        assert torch.equal(edited(method, given), Generate(steps=4)(model, given))


@pytest.mark.parametrize(
    ("steps", "strength", "kept"), [(50, 0.6, 30), (50, 0.99, 49), (3, 0.3, 0), (7, 1.0, 7)]
)
def test_rows_are_those_on_the_card(steps: int, strength: float, kept: int) -> None:
    method = SDEdit(steps=steps, strength=strength)
    assert method.kept == kept
    assert method.card.cost(method).rows == (2 * kept, 2 * kept)
    if steps < 10:
        before = shared("sd1").meter.rows
        edited(method, task())
        assert shared("sd1").meter.rows - before == 2 * kept


def test_prompt_and_seed_matter() -> None:
    method = SDEdit(steps=4)
    results = [edited(method, t) for t in (task(), task(prompt="a cat"), task(seed=1))]
    assert gap(results[0], results[1]) > 1e-2 and gap(results[0], results[2]) > 1e-2
    assert torch.equal(results[0], edited(method, task()))
