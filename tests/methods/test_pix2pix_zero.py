"""pix2pix-zero: what is left of it without a direction, without its pull, and what both are."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.kit import clean, gap, shared

from overpaint.contract.trial import SIZE, picture, run
from overpaint.errors import NotFinite, UsageError
from overpaint.families.tiny import SHAPES, Shape, tiny
from overpaint.inversions import (
    DDIM,
    Cycle,
    Direct,
    Edict,
    EditFriendly,
    FixedPoint,
    Inversion,
    NegativePrompt,
    NullText,
    PromptTuning,
    Regularised,
    Style,
    Virtual,
)
from overpaint.meter import Meter
from overpaint.methods.ddim import DDIMEdit
from overpaint.methods.invert import Invert
from overpaint.methods.pix2pix_zero import Pix2PixZero, set_out
from overpaint.path import Latent
from overpaint.task import Request, Task
from overpaint.tune.direction import between, discovered

STEPS = 4
SOURCE, TARGET = "a cat on grass", "a dog on grass"
MILD = Regularised(rounds=1, ac=2, kl=2)
ALONE: dict[str, Any] = {"steps": STEPS, "guidance": 3.0, "inversion": MILD, "sentences": 1}


def task(shape: Shape = "sd1", target: str = TARGET) -> Task:
    card, request = Pix2PixZero.card, Request(source=SOURCE, target=target)
    return Task.of(shared(shape), request, card.needs, picture(), SIZE, optional=card.optional)


def made(shape: Shape = "sd1", target: str = TARGET, meter: Meter | None = None, **options: Any) -> Latent:
    o = Pix2PixZero.model_validate({**ALONE, **options})
    return run(shared(shape), o, task(shape, target), meter).latents[0]


@pytest.mark.parametrize("amount", [0.1, 2.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_without_a_difference_it_is_the_picture_walked_back_whatever_the_pull(
    shape: Shape, amount: float
) -> None:
    model, given, meter = shared(shape), task(shape, SOURCE), Meter()
    o = Pix2PixZero.model_validate({**ALONE, "attention_guidance": amount, "sentences": 20})
    with torch.no_grad(), model.metered(meter):
        both = set_out(o, model, given).run(model)
    assert torch.equal(both["tgt"], both["src"])
    assert meter.notes["map distance"] == [0.0] * STEPS
    back = run(model, Invert(steps=STEPS, guidance=3.0, inversion=MILD), given).latents[0]
    assert gap(both["tgt"], back) < 1e-4


@pytest.mark.parametrize("shape", SHAPES)
def test_without_the_pull_and_with_the_prompts_alone_it_is_an_edit_by_inversion(shape: Shape) -> None:
    plain = run(shared(shape), DDIMEdit(steps=STEPS, guidance=3.0, inversion=MILD), task(shape)).latents[0]
    assert gap(made(shape, attention_guidance=0), plain) < 1e-4
    assert gap(made(shape, attention_guidance=0.2), plain) > 1e-3


def test_no_strength_is_no_edit() -> None:
    assert gap(made(strength=0), made(target=SOURCE)) < 1e-5


def test_the_pull_brings_the_maps_nearer_to_those_of_the_source() -> None:
    distances = [Meter(), Meter()]
    for meter, amount in zip(distances, (1e-9, 0.2), strict=True):
        made(meter=meter, attention_guidance=amount)
    free, led = (meter.notes["map distance"] for meter in distances)
    assert led[0] == pytest.approx(free[0]) and sum(led[1:]) < sum(free[1:])


def test_its_first_step_moves_nothing_but_the_row_with_the_prompt() -> None:
    """Source and target start at one latent, and their rows without a prompt are the same."""
    # So with guidance 0, which asks the other row alone, the first of two steps is not led at all.
    free, led = (made(steps=1, guidance=0.0, attention_guidance=amount) for amount in (0.0, 0.5))
    assert gap(free, led) < 1e-6
    free, led = (made(steps=1, guidance=3.0, attention_guidance=amount) for amount in (0.0, 0.5))
    assert gap(free, led) > 1e-5


EVERY: list[Inversion] = [
    DDIM(),
    Direct(),
    NullText(inner=1),
    NegativePrompt(),
    PromptTuning(inner=1),
    Style(inner=1),
    Edict(),
    EditFriendly(),
    EditFriendly(pinned=False, source_guidance=1),
    Cycle(),
    Virtual(),
    FixedPoint(iterations=2),
    MILD,
]


@pytest.mark.sample(4)
@pytest.mark.parametrize("inversion", EVERY, ids=lambda i: i.called)
def test_it_works_over_every_kind_of_inversion_at_the_stated_cost(inversion: Inversion) -> None:
    meter, o = Meter(), Pix2PixZero.model_validate({**ALONE, "inversion": inversion})
    led = run(shared(), o, task(), meter).latents[0]
    cost = Pix2PixZero.card.cost(o)
    assert cost.rows[0] <= meter.rows <= cost.rows[1]
    assert cost.backwards[0] <= meter.backwards <= cost.backwards[1]
    assert len(meter.notes["map distance"]) == inversion.walked(STEPS) * (inversion.target_rows // 2)
    assert gap(led, made(inversion=inversion, attention_guidance=0)) > 1e-4
    assert clean(shared()) and not any(p.requires_grad for p in shared().net.parameters())


def test_half_the_work_without_the_pull() -> None:
    meter, o = Meter(), Pix2PixZero.model_validate({**ALONE, "attention_guidance": 0})
    run(shared(), o, task(), meter)
    assert (meter.rows, meter.rows) == Pix2PixZero.card.cost(o).rows == (3 * STEPS, 3 * STEPS)
    assert meter.backwards == 0


def test_a_pull_beyond_all_measure_is_a_sentence() -> None:
    with pytest.raises(NotFinite, match="stopped being numbers at step"):
        broken = tiny()
        with torch.no_grad():
            next(broken.net.parameters()).fill_(float("inf"))
        run(broken, Pix2PixZero.model_validate({**ALONE, "inversion": DDIM()}), task())


def test_a_direction_from_a_file_is_that_from_the_prompts(tmp_path: Path) -> None:
    file = tmp_path / "way.safetensors"
    between(shared(), SOURCE, TARGET, 12).save(file)
    assert torch.equal(made(target="", direction=str(file)), made(sentences=12))


def test_the_other_way_is_the_same_with_the_sign_turned() -> None:
    there = between(shared(), SOURCE, TARGET, 12).states
    assert gap(there, -between(shared(), TARGET, SOURCE, 12).states) < 1e-6


def test_what_does_not_say_what_shall_change_is_refused_before_any_work(tmp_path: Path) -> None:
    file, meter = tmp_path / "way.safetensors", Meter()
    between(shared(), SOURCE, TARGET, 2).save(file)
    with pytest.raises(UsageError, match="Nothing says what shall change; give a target prompt"):
        made(target="", meter=meter)
    with pytest.raises(UsageError, match="both say what shall change; leave one of them out"):
        made(direction=str(file), meter=meter)
    assert meter.calls == 0


def test_a_direction_of_another_model_is_refused_before_any_work(tmp_path: Path) -> None:
    file, meter = tmp_path / "way.safetensors", Meter()
    other = discovered(shared(), (["a cat"], ["a dog"]))
    assert other.probe is not None
    for way, why in (
        (discovered(shared("sdxl"), (["a cat"], ["a dog"])), "numbers, but prompts of this model have"),
        (replace(other, states=other.states[:, :5], probe=None), "was made with a model of another kind"),
        (replace(other, probe=1.1 * other.probe, model="fox"), "made with fox, whose text encoder reads"),
    ):
        way.save(file, overwrite=True)
        with pytest.raises(UsageError, match=why):
            made(target="", direction=str(file), meter=meter)
    assert meter.calls == 0
