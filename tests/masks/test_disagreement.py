"""The mask of where two prompts disagree, on tiny networks."""

import pytest
import torch
from tests.kit import clean, draw, shared, text
from tests.methods.watching import watched

from overpaint.families.tiny import Shape
from overpaint.guides import Plain
from overpaint.masks.disagreement import (
    LEVELS,
    NEW,
    OLD,
    Asking,
    DisagreementBlend,
    asking_cost,
    disagreement,
    levels,
)
from overpaint.meter import Meter
from overpaint.model import Branch
from overpaint.noise import Noise

X0 = draw(1, 4, 8, 8, seed=11)
STEPS = 20


def asking(target: str, factors: torch.Tensor | None = None, shape: Shape = "sd1") -> Asking:
    return Asking(X0, text(shape, "a cat on the grass"), text(shape, target), Noise(0), factors)


@torch.no_grad()
def found(one: Asking) -> torch.Tensor:
    return disagreement(shared(), shared().path(STEPS), one)


def test_it_is_the_mean_difference_of_the_two_beliefs_over_its_peak() -> None:
    model, one = watched(shared()), asking("a dog on the grass")
    path, total = model.path(STEPS), torch.zeros(8, 8)
    with torch.no_grad():
        mine = disagreement(model, path, one)
        for i in levels(STEPS):
            x = path.noised(X0, Noise(0).normal((1, 4, 8, 8), "disagreement", i), i)
            total += beliefs_apart(one, x, i)
    smooth = torch.stack([torch.stack([around(total, y, x) for x in range(8)]) for y in range(8)])
    torch.testing.assert_close(mine, smooth / smooth.max(), rtol=1e-4, atol=1e-4)
    assert float(mine.max()) == 1
    assert clean(model)


def beliefs_apart(one: Asking, x: torch.Tensor, i: int) -> torch.Tensor:
    """By two calls of one row each."""
    model = shared()
    old, new = (
        model.predict({"a": x}, i, model.path(STEPS), [Branch("a", Plain(words))])["a"].x0
        for words in (one.source, one.target)
    )
    return (new - old).abs().mean(1)[0]


def around(total: torch.Tensor, y: int, x: int) -> torch.Tensor:
    """The mean of the 3 x 3 cells around one, the border repeated."""
    rows, columns = ([min(max(k + d, 0), 7) for d in (-1, 0, 1)] for k in (y, x))
    return total[rows][:, columns].mean()


def test_the_same_prompt_agrees_everywhere_without_a_network_call() -> None:
    model = watched(shared())
    with torch.no_grad():
        assert not disagreement(model, model.path(STEPS), asking("a cat on the grass")).any()
    assert not model.states


def test_a_word_that_counts_otherwise_is_a_disagreement_too() -> None:
    factors = torch.ones(text("sd1", "a cat").prompt.window)
    assert not found(asking("a cat on the grass", factors)).any()
    factors[2] = 3
    assert found(asking("a cat on the grass", factors)).max() == 1


def test_the_cost_is_two_rows_a_level() -> None:
    model = watched(shared())
    with model.metered(Meter()) as meter, torch.no_grad():
        disagreement(model, model.path(STEPS), asking("a dog on the grass"))
    assert meter.rows == 2 * LEVELS == asking_cost(STEPS).rows[1]
    assert all(set(xs) == {OLD, NEW} for xs in model.states)


@pytest.mark.parametrize("steps", [1, 2, 4, 20, 50, 1000])
def test_levels_are_steps_of_the_walk(steps: int) -> None:
    assert 1 <= len(levels(steps)) <= LEVELS
    assert 0 <= levels(steps)[0] <= levels(steps)[-1] < steps


def test_outside_the_mask_the_target_is_the_source_bit_for_bit() -> None:
    model = watched(shared())
    with model.metered(Meter()) as meter, torch.no_grad():
        blend = DisagreementBlend.of(model, model.path(STEPS), {"tgt": asking("a dog on the grass")}, 0.5)
    mask = blend.masks["tgt"]
    xs = {"src": draw(1, 4, 8, 8, seed=1), "tgt": draw(1, 4, 8, 8, seed=2)}
    made = blend(0, xs)
    assert torch.equal(made["src"], xs["src"])
    assert torch.equal(made["tgt"][..., mask], xs["tgt"][..., mask])
    assert torch.equal(made["tgt"][..., ~mask], xs["src"][..., ~mask])
    assert 0 < int(mask.sum()) < 64
    assert meter.notes["disagreement"] == [float(mask.float().mean())]
    assert torch.equal(meter.maps["disagreement"] > 0.5, mask)
