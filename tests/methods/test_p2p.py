"""The laws of Prompt-to-Prompt, on tiny networks of every shape."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from tests.kit import clean, draw, gap, shared, text
from tests.methods.watching import Shared, Watched, watched

from overpaint.controls import CrossReplace, SelfReplace
from overpaint.errors import UsageError
from overpaint.families.tiny import SHAPES, Shape, tiny
from overpaint.guides import CFG
from overpaint.inversions import DDIM, AnyInversion, Direct, NegativePrompt, NullText, Recorded
from overpaint.masks import LocalBlend
from overpaint.meter import Meter
from overpaint.methods.p2p import PromptToPrompt, align, parts
from overpaint.model import Branch, Model
from overpaint.noise import Noise
from overpaint.outcome import Outcome
from overpaint.path import Latent
from overpaint.registry import find
from overpaint.sample import denoise
from overpaint.task import Task
from overpaint.words import refine, swap

SOURCE, TARGET, LONGER = "a cat on the grass", "a dog on the grass", "a big cat on the blue grass"
STEPS = 4
X0 = draw(1, 4, 8, 8, seed=11)


def task(shape: Shape = "sd1", source: str = SOURCE, target: str = TARGET) -> Task:
    null = shared(shape).family.null()
    return Task((1, 4, 8, 8), null, Noise(0), X0, text(shape, source), text(shape, target))


def edited(model: Model, given: Task, method: PromptToPrompt) -> Latent:
    with torch.no_grad():
        made = method(model, given)
    assert not isinstance(made, Outcome), "one target is one latent"
    return made


def p2p(**fields: Any) -> PromptToPrompt:
    return PromptToPrompt.model_validate({"steps": STEPS, **fields})


def branches(given: Task, scale: float = 7.5) -> list[Branch]:
    texts = {"src": given.source, "tgt": given.target}
    return [Branch(name, CFG(one, given.null, scale)) for name, one in texts.items()]


def precise(shape: Shape) -> Watched:
    """In float64, where kernels that differ in the last digits agree to what is compared here."""
    model = watched(tiny(shape))
    model.net.double()
    return model


def test_the_registry_finds_it() -> None:
    assert find("p2p") is PromptToPrompt
    assert PromptToPrompt.card.name == "p2p"


@pytest.mark.parametrize("shape", SHAPES)
def test_closed_windows_are_plain_sampling_bit_for_bit(shape: Shape) -> None:
    model, given = watched(shared(shape)), task(shape)
    result = edited(model, given, p2p(cross_replace=0, self_replace=0, inversion=Shared()))
    with torch.no_grad():
        plain = denoise(model, model.path(STEPS), {"src": X0, "tgt": X0}, branches(given))
    assert torch.equal(result, plain["tgt"])
    assert torch.equal(model.ends["src"], plain["src"])
    assert clean(model)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "inversion", [Shared(), DDIM(), NullText(inner=2, stop=0)], ids=lambda o: type(o).__name__
)
@pytest.mark.parametrize("fields", [{"kind": "swap"}, {"kind": "refine"}, {"reweight": {"cat": 1.0}}])
def test_the_same_prompt_is_the_source_bit_for_bit(
    shape: Shape, inversion: AnyInversion, fields: dict[str, Any]
) -> None:
    model = watched(shared(shape))
    result = edited(model, task(shape, target=SOURCE), p2p(inversion=inversion, **fields))
    for xs in model.pairs:
        assert torch.equal(xs["src"], xs["tgt"])
    assert torch.equal(result, model.ends["src"])
    assert len(model.pairs) == STEPS


@pytest.mark.parametrize("shape", SHAPES)
def test_the_source_is_not_affected(shape: Shape) -> None:
    model, given = precise(shape), task(shape)
    edited(model, given, p2p(inversion=Shared(), reweight={"dog": 3.0}, blend="cat=>dog"))
    beside, end = [xs["src"] for xs in model.pairs], model.ends["src"]
    with torch.no_grad():
        plain = denoise(model, model.path(STEPS), {"src": X0}, branches(given)[:1])["src"]
    alone = [xs["src"] for xs in model.states[STEPS:]]
    assert gap(torch.cat([*beside, end]), torch.cat([*alone, plain])) <= 1e-5


@pytest.mark.parametrize("shape", SHAPES)
def test_a_pinned_source_follows_its_trajectory_to_the_bit(shape: Shape) -> None:
    model, given = watched(shared(shape)), task(shape)
    edited(model, given, p2p(blend="cat=>dog"))
    stored = [xs["src"] for xs in model.states[:STEPS]]  # the inversion enters from the picture's end
    walked = [xs["src"] for xs in model.pairs]
    assert torch.equal(stored[0], X0)
    for k in range(1, STEPS):
        assert torch.equal(walked[-k], stored[k])


@pytest.mark.parametrize("shape", SHAPES)
def test_over_direct_inversion_closed_windows_are_the_guided_walk(shape: Shape) -> None:
    model, given = precise(shape), task(shape)
    result = edited(model, given, p2p(cross_replace=0, self_replace=0))
    start = model.pairs[0]["tgt"]
    with torch.no_grad():
        alone = denoise(model, model.path(STEPS), {"tgt": start}, branches(given)[1:])["tgt"]
    assert gap(result, alone) <= 1e-5


@pytest.mark.parametrize(
    ("inversion", "rows"),
    [
        (DDIM(), STEPS + 4 * STEPS),
        (Direct(), STEPS + 3 * STEPS),
        (NegativePrompt(), None),
        (NullText(inner=2), None),
        (Recorded(), 4 * STEPS),
        (Recorded(pinned=True), 2 * STEPS + 3 * STEPS),
    ],
    ids=lambda o: type(o).__name__,
)
def test_the_card_states_the_cost(inversion: AnyInversion, rows: int | None) -> None:
    model, method = watched(shared()), p2p(inversion=inversion, blend="cat=>dog")
    with model.metered(Meter()) as meter:
        edited(model, task(), method)
    least, most = method.card.cost(method).rows
    assert least <= meter.rows <= most
    assert rows is None or meter.rows == least == most == rows


@pytest.mark.parametrize("shape", SHAPES)
def test_the_target_changes_with_prompt_and_option(shape: Shape) -> None:
    model = shared(shape)
    base = edited(model, task(shape), p2p())
    for given, fields in (
        (task(shape, target="a bird on the grass"), {}),
        (task(shape), {"cross_replace": 0.3}),
        (task(shape), {"self_replace": 1.0}),
        (task(shape), {"reweight": {"dog": 5.0}}),
        (task(shape), {"word_windows": {"dog": 0.0}}),
        (task(shape), {"kind": "refine"}),
        (task(shape), {"blend": "cat=>dog", "blend_threshold": 1.0}),
        *([] if shape == "sdxl" else [(task(shape), {"self_limit": 4})]),  # where there are maps of two sizes
    ):
        assert gap(edited(model, given, p2p(**fields)), base) > 1e-4, fields
    assert torch.equal(edited(model, task(shape), p2p()), base)


def test_the_kind_follows_from_the_prompts() -> None:
    source, target, longer = (text("sd1", p).prompt for p in (SOURCE, TARGET, LONGER))
    for o, other, expected in (
        (p2p(), target, swap(source, target)),
        (p2p(), longer, refine(source, longer)),
        (p2p(kind="refine"), target, refine(source, target)),
    ):
        found = align(o, source, other)
        assert torch.equal(found.matrix, expected.matrix) and torch.equal(found.kept, expected.kept)


def test_the_published_alignment_is_an_option() -> None:
    given = task(target="a tiger on the grass")
    own, official = (edited(shared(), given, p2p(official=flag)) for flag in (False, True))
    assert gap(own, official) > 1e-4
    same = task()
    assert torch.equal(edited(shared(), same, p2p()), edited(shared(), same, p2p(official=True)))


@pytest.mark.parametrize("shape", SHAPES)
def test_outside_the_blend_the_source_remains_to_the_bit(shape: Shape) -> None:
    model = shared(shape)
    with model.metered(Meter()) as meter:
        result = edited(model, task(shape), p2p(blend="cat=>dog", blend_threshold=0.99))
    mask = meter.maps["blend"][-1].expand(1, 4, 8, 8)
    assert 0 < int(mask.sum()) < mask.numel()
    assert torch.equal(result[~mask], X0[~mask]), "the pinned source ends at the picture"
    assert not torch.equal(result[mask], X0[mask])


def test_the_two_blends_begin_at_different_steps() -> None:
    model = shared()
    for version, active in ((1, 10), (2, 8)):
        with model.metered(Meter()) as meter:
            edited(model, task(), p2p(steps=10, blend="cat=>dog", blend_version=version))
        assert len(meter.maps["blend"]) == len(meter.notes["blend"]) == active


def test_what_is_pushed() -> None:
    given = task()
    controls, blends = parts(p2p(), shared(), given)
    assert [type(c) for c in controls] == [CrossReplace, SelfReplace] and blends == []
    controls, (blend,) = parts(p2p(blend="cat=>dog", blend_subtract="grass"), shared(), given)
    assert isinstance(blend, LocalBlend)
    assert controls[-1] is blend.keep, "recorded after the maps were edited"
    assert blend.words == {"src": [2], "tgt": [2]}
    assert blend.subtract == {"src": [5], "tgt": [5]}


@pytest.mark.parametrize(
    ("fields", "target", "sentence"),
    [
        ({"kind": "swap"}, LONGER, "use the edit kind 'refine'"),
        ({"reweight": {"dogs": 2.0}}, TARGET, "did you mean 'dog'"),
        ({"word_windows": {"cat": 0.5}}, TARGET, "'cat' is not in the prompt 'a dog on the grass'"),
        ({"blend": "cats=>dog"}, TARGET, "did you mean 'cat'"),
        ({"blend": "cat"}, TARGET, "'cat' is not in the prompt 'a dog on the grass'"),
        ({"blend": "=>dog"}, TARGET, "names no word on one side"),
        ({"blend": "cat=>dog", "blend_subtract": "gras"}, TARGET, "did you mean 'grass'"),
        ({"blend_subtract": "grass"}, TARGET, "give blend words"),
        ({"blend": "cat=>dog", "blend_start": 1}, TARGET, "begin at step 4, but only 4 are walked"),
        ({"reweight": {"dog": 2}, "cross_replace": 0}, TARGET, "'dog' is re-weighted while it follows"),
        ({"reweight": {"dog": 2}, "word_windows": {"a dog": "0.3:0.3"}}, TARGET, "a larger cross_replace"),
        ({"blend": "cat=>dog", "blend_subtract": "grass", "blend_version": 1}, TARGET, "version 2 only"),
    ],
)
def test_what_cannot_work_is_refused_before_the_first_call(
    fields: dict[str, Any], target: str, sentence: str
) -> None:
    model, given, method = shared(), task(target=target), p2p(**fields)
    with model.metered(Meter()) as meter:
        for attempt in (method.check, method):
            with pytest.raises(UsageError, match=sentence):
                attempt(model, given)
    assert meter.calls == 0


def test_the_layout_is_held_in_pictures_that_are_no_squares_as_in_squares() -> None:
    """Their frames are rounded up, so maps are a little larger than a limit that is stated for squares."""
    given = replace(task(), shape=(1, 4, 8, 12), given_x0=draw(1, 4, 8, 12, seed=11))
    free = edited(shared(), given, p2p(self_replace=0))
    held = [edited(shared(), given, p2p(self_replace=1, self_limit=side)) for side in (4, 7, 8)]
    assert gap(held[0], free) > 1e-4
    assert torch.equal(held[0], held[1]) and gap(held[2], held[1]) > 1e-4
    with pytest.raises(UsageError, match="has a side of 5 here, more than self_limit allows"):
        p2p(self_limit=3).check(shared(), given)
    p2p(self_limit=3, self_replace=0).check(shared(), given)


def test_a_word_is_re_weighted_in_a_window_of_its_own() -> None:
    model, closed = shared(), {"cross_replace": 0, "word_windows": {"dog": 0.8}}
    plain = edited(model, task(), p2p(**closed))
    assert gap(edited(model, task(), p2p(**closed, reweight={"dog": 5})), plain) > 1e-4
    p2p(cross_replace=0, reweight={"dog": 1}).check(model, task())


def test_options_may_be_written_as_on_a_command_line() -> None:
    written = p2p(
        inversion="ddim",
        cross_replace="0.2:0.6",
        self_replace="0.5",
        reweight="dog=2, grass=-1",
        word_windows="dog=0.4, grass=0.1:0.5",
    )
    assert written == PromptToPrompt(
        steps=STEPS,
        inversion=DDIM(),
        cross_replace=(0.2, 0.6),
        self_replace=0.5,
        reweight={"dog": 2.0, "grass": -1.0},
        word_windows={"dog": 0.4, "grass": (0.1, 0.5)},
    )
    assert PromptToPrompt.model_validate_json(written.model_dump_json()) == written


@pytest.mark.parametrize(
    "fields",
    [
        {"reweight": "dog=21"},
        {"cross_replace": 1.2},
        {"self_replace": "0.8:0.2"},
        {"blend_version": 3},
        {"kind": "x"},
    ],
)
def test_options_out_of_range_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        p2p(**fields)
