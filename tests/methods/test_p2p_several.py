"""Several targets of one source in one walk: each is the edit it would be alone; the source walks once."""

from functools import cache
from typing import Any

import pytest
import torch
from tests.kit import clean, draw, gap, shared, text
from tests.methods.watching import Watched, watched

from overpaint.card import Cost
from overpaint.errors import UsageError
from overpaint.families.tiny import SHAPES, Shape, tiny
from overpaint.inversions import (
    DDIM,
    AnyInversion,
    Cycle,
    Direct,
    Edict,
    EditFriendly,
    FixedPoint,
    NegativePrompt,
    NullText,
    PromptTuning,
    Recorded,
    Regularised,
    Style,
    Virtual,
)
from overpaint.meter import Meter
from overpaint.methods.p2p import PromptToPrompt
from overpaint.methods.style_diffusion import StyleDiffusion
from overpaint.model import Model
from overpaint.noise import Noise
from overpaint.outcome import Outcome
from overpaint.path import Latent
from overpaint.task import Task

SOURCE = "a cat on the grass"
TARGETS = ("a dog on the grass", "a big bird on the grass", "a cat on the sand")
STEPS = 4
X0 = draw(1, 4, 8, 8, seed=11)
EVERY: tuple[AnyInversion, ...] = (
    Direct(),
    Direct(every=2),
    Direct(form="offset"),
    DDIM(),
    NullText(inner=2, stop=0),
    NegativePrompt(),
    NegativePrompt(proximal="l0"),
    NegativePrompt(proximal="l0", interp=0.3, threshold=0.1),
    PromptTuning(inner=1),
    Style(inner=1, picture="latent"),
    Edict(),
    EditFriendly(),
    EditFriendly(pinned=False, order=2),
    Cycle(),
    Virtual(),
    FixedPoint(iterations=2),
    Regularised(),
    Recorded(),
    Recorded(pinned=True),
)


def p2p(**fields: Any) -> PromptToPrompt:
    return PromptToPrompt.model_validate({"steps": STEPS, **fields})


def task(*targets: str, shape: Shape = "sd1") -> Task:
    first, *also = (text(shape, target) for target in targets)
    null, source = shared(shape).family.null(), text(shape, SOURCE)
    return Task((1, 4, 8, 8), null, Noise(0), X0, source, first, given_also=tuple(also))


@cache
def exact(shape: Shape) -> Model:
    """In double precision, where more rows in a call change nothing that could be seen."""
    model = tiny(shape)
    model.net.double()
    return model


def edited(model: Model, given: Task, method: PromptToPrompt | StyleDiffusion) -> list[Latent]:
    method.check(model, given)
    with torch.no_grad():
        made = method(model, given)
    return list(made.latents) if isinstance(made, Outcome) else [made]


def apart(
    model: Model, method: PromptToPrompt, *own: PromptToPrompt, targets: tuple[str, ...]
) -> list[float]:
    """How far each of several targets is from what the edit to it alone gives, with options of its own."""
    together = edited(model, task(*targets), method)
    each = own or (method,) * len(targets)
    alone = [edited(model, task(target), o)[0] for target, o in zip(targets, each, strict=True)]
    assert gap(alone[0], alone[1]) > 1e-4
    return [gap(one, other) for one, other in zip(together, alone, strict=True)]


@pytest.mark.sample(6)
@pytest.mark.parametrize("inversion", EVERY, ids=lambda o: type(o).__name__)
def test_each_is_the_edit_it_would_be_alone_over_every_inversion(inversion: AnyInversion) -> None:
    model = watched(exact("sd1"))
    found = apart(model, p2p(inversion=inversion), targets=TARGETS)
    assert max(found) <= 1e-5
    assert clean(model)


@pytest.mark.parametrize("shape", SHAPES)
def test_also_with_every_part_of_the_edit(shape: Shape) -> None:
    model, targets = watched(exact(shape)), TARGETS[:2]
    usual = {"unconditional_replace": 0.5, "blend_disagreement": 0.3, "blend_subtract": "grass"}
    both = p2p(
        **usual,
        blend="cat=>dog,bird",
        reweight={"dog": 2, "grass": 0.5},
        word_windows={"big": 0.2, "the": 0.5},
    )
    own = (
        p2p(**usual, blend="cat=>dog", reweight={"dog": 2, "grass": 0.5}, word_windows={"the": 0.5}),
        p2p(**usual, blend="cat=>bird", reweight={"grass": 0.5}, word_windows={"big": 0.2, "the": 0.5}),
    )
    together, alone = (
        edited(model, task(*targets, shape=shape), both),
        [edited(model, task(one, shape=shape), o)[0] for one, o in zip(targets, own, strict=True)],
    )
    assert [gap(a, b) <= 1e-5 for a, b in zip(together, alone, strict=True)] == [True, True]


def test_masks_are_kept_by_target() -> None:
    model = watched(shared())
    with model.metered(Meter()) as meter:
        made = edited(model, task(*TARGETS[:2]), p2p(blend="cat=>dog, bird", blend_threshold=0.9))
    for result, name in zip(made, ("blend", "blend:tgt2"), strict=True):
        outside = ~meter.maps[name][-1].expand(1, 4, 8, 8)
        assert 0 < int(outside.sum()) < outside.numel()
        assert torch.equal(result[outside], X0[outside]), "the pinned source ends at the picture"
    assert not torch.equal(meter.maps["mask"], meter.maps["mask:tgt2"])


@pytest.mark.sample(9)
@pytest.mark.parametrize("inversion", EVERY, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize("blend", [0.0, 0.5])
def test_the_source_walks_once_and_every_further_target_costs_its_own_rows(
    inversion: AnyInversion, blend: float
) -> None:
    method = p2p(inversion=inversion, blend_disagreement=blend)
    counted = list[int]()
    for targets in (TARGETS[:1], TARGETS):
        model = watched(shared())
        with model.metered(Meter()) as meter:
            edited(model, task(*targets), method)
        counted.append(meter.rows)
    further = method.card.further
    assert further is not None
    cost, more = method.card.cost(method), further(method)
    assert cost.rows[0] <= counted[0] <= cost.rows[1]
    assert counted[1] - counted[0] == 2 * more.rows[1]
    if not blend:
        assert more == Cost.of(inversion.walked(STEPS) * inversion.target_rows)


def test_with_a_pinned_source_a_step_takes_one_row_and_two_for_each_target() -> None:
    model: Watched = watched(shared())
    with model.metered(Meter()) as meter:
        edited(model, task(*TARGETS), p2p())
    assert meter.rows == STEPS + STEPS * (1 + 2 * len(TARGETS))
    assert set(model.pairs[0]) == {"src", "tgt", "tgt2", "tgt3"}


def test_row_by_row_it_is_the_same() -> None:
    model = watched(exact("sd1"))
    method = p2p(blend="cat=>dog,bird", unconditional_replace=0.5)
    whole = edited(model, task(*TARGETS[:2]), method)
    with model.sparing(1):
        parted = edited(model, task(*TARGETS[:2]), method)
    assert max(gap(a, b) for a, b in zip(whole, parted, strict=True)) <= 1e-5


def test_style_diffusion_takes_several_too() -> None:
    model = watched(exact("sd1"))
    method = StyleDiffusion(steps=STEPS, inversion=Style(inner=1, picture="latent"))
    together = edited(model, task(*TARGETS[:2]), method)
    alone = [edited(model, task(one), method)[0] for one in TARGETS[:2]]
    assert max(gap(a, b) for a, b in zip(together, alone, strict=True)) <= 1e-5


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"reweight": {"sand": 2}}, "'sand' is not in the prompt"),
        ({"word_windows": {"cat": 0.5}}, "'cat' is not in the prompt"),
        ({"blend": "cat=>dog"}, "names no word of the target 'a big bird on the grass'"),
        ({"blend": "cat=>dog,bird,mouse"}, "'mouse' is not in the prompt"),
        ({"blend": "dog=>dog,bird"}, "'dog' is not in the prompt 'a cat on the grass'"),
        ({"blend": "cat=>dog,bird", "blend_subtract": "big"}, "names no word of the target 'a dog on"),
        ({"kind": "swap"}, "use the edit kind 'refine'"),
        ({"inversion": NegativePrompt(proximal="l0", interp=0.3)}, "edit once for each target"),
    ],
)
def test_what_does_not_suit_one_of_them_is_refused_before_the_first_call(
    fields: dict[str, Any], sentence: str
) -> None:
    model, method = shared(), p2p(**fields)
    with model.metered(Meter()) as meter:
        for attempt in (method.check, method):
            with pytest.raises(UsageError, match=sentence):
                attempt(model, task(*TARGETS[:2]))
    assert meter.calls == 0
