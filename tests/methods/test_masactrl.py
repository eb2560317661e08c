"""MasaCtrl: settings under which it must become something simpler, its rows, and what it refuses."""

from typing import Any

import pytest
import torch
from tests.kit import gap, precise
from tests.methods.watching import Shared, unchecked

from overpaint.contract.checks import EXACT
from overpaint.contract.trial import SIZE, mask, picture, run
from overpaint.errors import UsageError
from overpaint.families.tiny import SHAPES, Shape
from overpaint.inversions import DDIM, NAMES, Trajectory
from overpaint.meter import Meter
from overpaint.methods.ddim import DDIMEdit
from overpaint.methods.masactrl import MasaCtrl, walked_with
from overpaint.model import Guide
from overpaint.network import Text
from overpaint.path import Latent, Path
from overpaint.task import Request, Task

STEPS = 4
SOURCE, TARGET = "a photo of a cat", "a photo of a dog"
WORDS: dict[str, Any] = {"thing": "cat=>dog", "threshold": 0.5}
EVERYWHERE: dict[str, Any] = {**WORDS, "threshold": 0.0}
THIN = torch.zeros(1, 1, *SIZE)
THIN[..., 5, 4:20] = 1
TUNED = ("null-text", "prompt-tuning", "style")
"""Inversions that take long unless they are told to make one update."""


def task(
    where: torch.Tensor | None = None,
    source: str = SOURCE,
    target: str = TARGET,
    shape: Shape = "sd1",
    before: torch.Tensor | None = None,
) -> Task:
    card, request = MasaCtrl.card, Request(source=source, target=target)
    further = {} if before is None else {"source-mask": [before]}
    return Task.of(
        precise(shape),
        request,
        card.needs,
        picture(),
        SIZE,
        optional=card.optional,
        mask=where,
        pictures=further,
    )


def method(**options: Any) -> MasaCtrl:
    return MasaCtrl.model_validate({"steps": STEPS, "start": 1, "layer": 3, **options})


def made(given: Task, meter: Meter | None = None, shape: Shape = "sd1", **options: Any) -> Latent:
    return run(precise(shape), method(**options), given, meter).latents[0]


def away(mine: Latent, other: Latent) -> float:
    """How far apart, as a share of the largest value."""
    return gap(mine, other) / float(other.abs().max())


@pytest.mark.parametrize("shape", SHAPES)
def test_where_nobody_asks_it_is_the_plain_way_back(shape: Shape) -> None:
    given = task(shape=shape)
    plain = run(precise(shape), DDIMEdit(steps=STEPS), given).latents[0]
    own = unchecked(precise(shape), method(start=STEPS, encode="source"), given)
    assert away(own, plain) <= EXACT
    assert away(made(given, shape=shape, encode="source"), plain) > 1e-3


@pytest.mark.parametrize("shape", SHAPES)
def test_equal_prompts_under_the_source_prompt_give_the_walked_back_source(shape: Shape) -> None:
    given, model = task(target=SOURCE, shape=shape), precise(shape)
    with torch.no_grad():
        texts = given.source, given.source, given.null
        walk = DDIM().walk(model, model.path(STEPS), given.x0, texts, 7.5, given.noise)
        home = walk.home(model)["src"]
    assert away(made(given, shape=shape, start=0, layer=0, encode="source"), home) <= EXACT
    assert away(made(given, shape=shape, start=0, layer=0), home) > 1e-3, "no promise under no prompt"


def test_a_thing_that_is_everywhere_is_no_thing() -> None:
    plain = made(task())
    assert away(made(task(torch.ones(1, 1, *SIZE))), plain) <= EXACT
    assert away(made(task(mask())), plain) > 1e-3
    named = made(task(), encode="source")
    assert away(made(task(), **EVERYWHERE), named) <= EXACT
    assert away(made(task(), **WORDS), named) > 1e-3


def test_the_picture_may_have_the_thing_elsewhere() -> None:
    white = mask().expand(1, 3, -1, -1) * 2 - 1
    same, other = made(task(mask(), before=white)), made(task(mask(), before=-white))
    assert torch.equal(same, made(task(mask())))
    assert away(other, same) > 1e-3


def test_one_row_of_a_source_without_a_prompt_tells_what_two_would() -> None:
    """The published code asks for both, which are the same."""
    given = task()

    class Twice(Shared):
        """As if the empty prompt were another one."""

        def home(
            self, path: Path, traj: Trajectory, text: Text, null: Text, scale: float, reads: frozenset[str]
        ) -> Guide:
            return self.guide(path, traj, text, null, scale)

    once = method().changed()
    object.__setattr__(once, "inversion", Shared())
    twice = method().changed()
    object.__setattr__(twice, "inversion", Twice())
    few, many = Meter(), Meter()
    both = [run(precise(), o, given, meter).latents[0] for o, meter in ((once, few), (twice, many))]
    assert away(*both) <= EXACT
    assert (few.rows, many.rows) == (3 * STEPS, 4 * STEPS)


@pytest.mark.sample(7)
@pytest.mark.parametrize("inversion", NAMES)
@pytest.mark.parametrize("encode", ["source", "nothing"])
def test_rows_are_those_of_the_card_over_every_inversion(inversion: str, encode: str) -> None:
    own = {"name": inversion, **({"inner": 1} if inversion in TUNED else {})}
    options: dict[str, Any] = {"inversion": own, "encode": encode}
    meter, (low, high) = Meter(), method(**options).card.cost(method(**options)).rows
    made(task(), meter, **options)
    assert low <= meter.rows <= high


def test_its_rows_at_the_defaults() -> None:
    """50 to the noise; back, two for the target and one for the source, or two under a prompt of its own."""
    assert MasaCtrl.card.cost(MasaCtrl()).rows == (200, 200)
    assert MasaCtrl.card.cost(MasaCtrl(thing="cat")).rows == (250, 250)
    assert MasaCtrl.card.cost(method(inversion="recorded")).rows == (16, 16)


@pytest.mark.parametrize("options", [{}, WORDS, {"encode": "source"}])
def test_row_by_row_it_is_the_same(options: dict[str, Any]) -> None:
    model, whole = precise(), made(task(), **options)
    with model.sparing(1):
        assert away(made(task(), **options), whole) <= EXACT


def test_a_found_thing_is_shown() -> None:
    meter = Meter()
    made(task(), meter, **WORDS)
    assert meter.maps["mask"].shape == (8, 8)
    assert len(meter.notes["mask"]) == STEPS - 1, "from the first step that asks on"
    assert MasaCtrl.card.finds_mask(method(**WORDS)) and not MasaCtrl.card.finds_mask(method())


def test_a_picture_that_was_generated_is_walked_with_its_prompt() -> None:
    given = task()

    def prompt(**options: Any) -> Text:
        return walked_with(method(**options), given)

    assert prompt() is given.null and prompt(inversion="direct") is given.null
    assert prompt(inversion="recorded") is given.source and prompt(**WORDS) is given.source
    assert prompt(inversion="recorded", encode="nothing") is given.null


@pytest.mark.parametrize(
    ("options", "given", "sentence"),
    [
        ({"layer": 7}, {}, "This model has 7 self-attention layers; set layer below 7"),
        ({"thing": "cat", "encode": "nothing"}, {}, "A thing is found by its word in the source prompt"),
        ({"thing": "cat"}, {"source": ""}, "give the source prompt"),
        ({"encode": "source"}, {"source": ""}, "give the source prompt"),
        ({"thing": "horse"}, {}, "The word 'horse' is not in the prompt"),
        ({"start": 4}, {}, "asked in none of the 4 steps; set start below 4"),
        (
            {"start": 3, "inversion": {"name": "cycle", "skip": 0.25}},
            {},
            "asked in none of the 3 steps; set start below 3",
        ),
        ({"thing": "cat=>dog"}, {"before": picture()}, "Words and a source-mask both say where"),
        ({}, {"where": THIN}, "The mask covers no cell of the model's latent"),
        ({}, {"where": mask(), "before": -torch.ones(1, 3, *SIZE)}, "The source-mask covers no cell"),
        ({}, {"before": picture()}, "give the mask of where it will be too"),
    ],
)
def test_what_cannot_act_is_a_sentence(options: dict[str, Any], given: dict[str, Any], sentence: str) -> None:
    meter = Meter()
    with pytest.raises(UsageError, match=sentence):
        made(task(**given), meter, **options)
    assert meter.calls == 0
